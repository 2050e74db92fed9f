"""The questions that only AWS can answer, asked in an account.

    make verify-aws
    python -m tools.verify_aws --stage 0

The command has two stages:

* `tools.verify_aws.without_deploying` (stage 0) synthesizes the apps and lets services of AWS check what would be
  deployed: definitions, policies, what roles do, event patterns, quotas, images. It changes nothing and costs nothing.
* `tools.verify_aws.laboratory` (stage 1) is a CDK app with one stack in which everything is destroyed again;
  `tools.verify_aws.questions` asks with it what AWS documents nowhere, in parallel.

Both give an `Answer` with its evidence for each `Question` (`tools.verify_aws.question`). A question names the rows
of ``docs/local-and-aws.md`` that it decides, and where in the code they are relied on. `tools.verify_aws.record` writes
the answers to ``docs/verified``, `tools.verify_aws.report` prints them and says which claims fall, and
`tools.verify_aws.clean_up` removes the stack and lists what is left.

Against the local AWS the same command runs whole. What AWS does not do on request, such as running out of capacity,
the local AWS does: `tools.verify_aws.provoking`.
"""

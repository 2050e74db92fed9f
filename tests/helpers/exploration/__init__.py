"""An explorer of the trigger's functions: all interleavings of their calls to AWS, over services in memory.

`search` runs workers, one call at a time, in every order that can make a difference. `services` are the services, at the
level of boto3's clients, and `expressions` evaluates DynamoDB's expressions for them. `world` runs the functions and
checks what must hold, `scenarios` lists the situations, and `mutations` proves that the checks find something.
"""  # noqa: E501

"""The parts of tools/mutate_iam.py: the actions, the pages that document them, and the apps that use them."""

"""What tools/mutate_iam.py is made of: the actions, the pages that demand them, and the apps that use them."""

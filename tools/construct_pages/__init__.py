"""A page for each construct, from the synthesized template of its example."""

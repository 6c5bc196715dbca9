"""What the longer commands of `python -m explorer` do; the options are declared where the commands are."""

def count_losses(c): pass

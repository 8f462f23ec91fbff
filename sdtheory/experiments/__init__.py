"""Policies, uncertainties, metrics, and their comparison in the same sampled futures."""

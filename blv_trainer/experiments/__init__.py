"""Runs: training one model, comparing methods, statistics, report."""

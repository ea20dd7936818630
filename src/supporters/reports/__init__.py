"""Read-only sums across domains: income by article and issue, tickers. Nothing here writes."""

"""The page: what a run sees and finds, in a browser, as JSON and for Prometheus."""

"""GM layers with full covariance over (omega, beta) and one output."""

"""S3: media and encrypted snapshots."""

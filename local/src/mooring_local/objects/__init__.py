"""S3 on a folder: objects are plain files, so that a user can copy them in and out by hand."""

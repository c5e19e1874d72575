"""S3 on a folder: objects are plain files, which users can copy in and out by hand."""

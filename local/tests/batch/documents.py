"""Documents of transform jobs, as the control plane writes them."""

from typing import Any


def document(**members: Any) -> dict[str, Any]:
    """A job over s3://bucket/in/, line by line."""
    source = {
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/in/"}},
        "SplitType": "Line",
    }
    return {
        "TransformJobName": "job",
        "ModelName": "model",
        "TransformInput": source | members.pop("TransformInput", {}),
        "TransformOutput": {"S3OutputPath": "s3://bucket/out"} | members.pop("TransformOutput", {}),
        **members,
    }

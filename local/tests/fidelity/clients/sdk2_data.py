"""Model data and code with SageMaker's Python SDK 2: an archive in S3, the user's entry point, many models.

A program of its own, run with the SDK's environment. Its argument: a model.tar.gz.
"""

import os
import sys
from pathlib import Path
from typing import Any

from notes import ASKED, did, wait
from sagemaker.deserializers import JSONDeserializer
from sagemaker.huggingface import HuggingFaceModel
from sagemaker.model import Model
from sagemaker.multidatamodel import MultiDataModel
from sagemaker.predictor import Predictor
from sagemaker.s3 import S3Downloader, S3Uploader
from sagemaker.serializers import JSONSerializer
from sagemaker.session import Session

KNOWN: dict[str, Any] = {"image_uri": "mooring", "role": os.environ["SAGEMAKER_ROLE"]}
ENTRY_POINT = """
def output_fn(prediction, accept):
    return '{"shouted": "' + prediction["answer"].upper() + '"}'
"""


def main() -> None:
    """Each endpoint is deleted when it has answered."""
    session = Session()
    bucket = session.default_bucket()
    did("Session.default_bucket", bucket)
    uploaded = S3Uploader.upload(sys.argv[1], f"s3://{bucket}/models", sagemaker_session=session)
    did("S3Uploader.upload", S3Downloader.list(f"s3://{bucket}/models", sagemaker_session=session) == [uploaded])
    S3Downloader.download(uploaded, "down", sagemaker_session=session)
    did("S3Downloader.download", Path("down/model.tar.gz").stat().st_size == Path(sys.argv[1]).stat().st_size)

    model = HuggingFaceModel(model_data=uploaded, **KNOWN)
    predictor = model.deploy(1, "ml.m5.xlarge", endpoint_name="from-s3", wait=False)
    wait("from-s3")
    did("HuggingFaceModel(model_data=s3://)", predictor.predict(ASKED)["answer"])
    predictor.delete_endpoint()

    Path("inference.py").write_text(ENTRY_POINT)
    model = HuggingFaceModel(model_data=uploaded, entry_point="inference.py", **KNOWN)
    predictor = model.deploy(1, "ml.m5.xlarge", endpoint_name="own-code", wait=False)
    wait("own-code")
    did("HuggingFaceModel(entry_point=)", predictor.predict(ASKED))
    predictor.delete_endpoint()

    many(session, bucket, uploaded)


def many(session: Session, bucket: str, uploaded: str) -> None:
    """Two models behind one endpoint, the second added while it serves."""
    prefix = f"s3://{bucket}/many/"
    inner = Model(sagemaker_session=session, predictor_cls=Predictor, **KNOWN)
    models = MultiDataModel(name="many", model_data_prefix=prefix, model=inner, sagemaker_session=session)
    models.add_model(uploaded, "first.tar.gz")
    coding = {"serializer": JSONSerializer(), "deserializer": JSONDeserializer()}
    predictor = models.deploy(1, "ml.m5.xlarge", endpoint_name="many", wait=False, **coding)
    wait("many")
    models.add_model(uploaded, "second.tar.gz")
    did("MultiDataModel.list_models", sorted(models.list_models()))
    answers = [predictor.predict(ASKED, target_model=f"{name}.tar.gz")["answer"] for name in ("first", "second")]
    did("MultiDataModel.deploy, predict(target_model=)", answers)
    predictor.delete_endpoint()


if __name__ == "__main__":
    main()

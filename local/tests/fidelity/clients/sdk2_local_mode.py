"""Local mode of SageMaker's Python SDK 2: it starts our image itself, by docker-compose.

A program of its own, run with the SDK's environment. Its arguments: an image, a folder with a model.tar.gz, a folder
for the SDK, a free port.
"""

import os
import sys

from notes import ASKED, did
from sagemaker.deserializers import JSONDeserializer
from sagemaker.local import LocalSession
from sagemaker.model import Model
from sagemaker.predictor import Predictor
from sagemaker.serializers import JSONSerializer


def main() -> None:
    """Deploy, ask, end."""
    image, data, root, port = sys.argv[1:]
    session = LocalSession()
    session.config = {"local": {"local_code": True, "container_root": root, "serving_port": int(port)}}
    model = Model(
        image_uri=image,
        model_data=f"file://{data}/model.tar.gz",
        role=os.environ["SAGEMAKER_ROLE"],
        predictor_cls=Predictor,
        sagemaker_session=session,
        name="local-mode",
    )
    coding = {"serializer": JSONSerializer(), "deserializer": JSONDeserializer()}
    # With wait=True the SDK sleeps for 30 s before it looks; it has seen /ping answer before.
    predictor = model.deploy(1, "local", endpoint_name="local-mode", wait=False, **coding)
    try:
        did("LocalSession, Model.deploy", predictor.predict(ASKED)["answer"])
    finally:
        predictor.delete_endpoint()
    did("Predictor.delete_endpoint", "ended")


if __name__ == "__main__":
    main()

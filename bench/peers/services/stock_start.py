# mypy: ignore-errors
"""Start the stock stack as its image does, but move the two files it writes elsewhere into the work folder.

SAGEMAKER_BASE_DIR=… STOCK_CONFIG=FILE python stock_start.py
"""

import os

from sagemaker_huggingface_inference_toolkit import mms_model_server
from sagemaker_inference import model_server

if __name__ == "__main__":
    mms_model_server.MMS_CONFIG_FILE = model_server.MMS_CONFIG_FILE = os.environ["STOCK_CONFIG"]
    mms_model_server.start_model_server()

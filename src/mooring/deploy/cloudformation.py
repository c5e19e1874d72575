"""Make a CloudFormation template from a `Spec`, for `moor deploy --emit cloudformation`. Pure.

The requests are those of the plan, since CloudFormation uses the same members.
"""

from typing import Any

from mooring.deploy.requests import (
    POLICY_KEY,
    POLICY_TYPE,
    config_request,
    endpoint_request,
    model_request,
    policy_name,
    scaling_requests,
)
from mooring.deploy.spec import Spec

Template = dict[str, Any]


def template(spec: Spec) -> Template:
    """A template for `aws cloudformation deploy`. Image, role and model are parameters with the spec's values."""
    resources = {"Model": _model(spec), "EndpointConfig": _config(spec), "Endpoint": _endpoint(spec)}
    resources |= _scaling(spec)
    parameters = {
        "Image": _text(spec.image, "The container image, in this region's ECR."),
        "ExecutionRoleArn": _text(spec.role, "The execution role of SageMaker."),
    }
    if spec.model_data:
        parameters["ModelDataUrl"] = _text(spec.model_data, "The model, uploaded before the stack is created.")
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"The endpoint {spec.name}, by Mooring",
        "Parameters": parameters,
        "Resources": resources,
        "Outputs": {"EndpointName": {"Value": {"Fn::GetAtt": ["Endpoint", "EndpointName"]}}},
    }


def _text(default: str, description: str) -> dict[str, str]:
    return {"Type": "String", "Default": default, "Description": description}


def _model(spec: Spec) -> Template:
    request = model_request(spec)
    container = {**request["PrimaryContainer"], "Image": {"Ref": "Image"}}
    if spec.model_data:
        container["ModelDataUrl"] = {"Ref": "ModelDataUrl"}
    # Without a name: CloudFormation cannot replace resources that have one.
    properties = {
        "PrimaryContainer": container,
        "ExecutionRoleArn": {"Ref": "ExecutionRoleArn"},
        "Tags": request["Tags"],
    }
    return {"Type": "AWS::SageMaker::Model", "Properties": properties}


def _config(spec: Spec) -> Template:
    request = config_request(spec)
    variants = [
        {**variant, "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]}} for variant in request["ProductionVariants"]
    ]
    properties = {"ProductionVariants": variants, "Tags": request["Tags"]}
    if "AsyncInferenceConfig" in request:
        properties["AsyncInferenceConfig"] = request["AsyncInferenceConfig"]
    return {"Type": "AWS::SageMaker::EndpointConfig", "Properties": properties}


def _endpoint(spec: Spec) -> Template:
    request = endpoint_request(spec)
    return {
        "Type": "AWS::SageMaker::Endpoint",
        "Properties": {
            "EndpointName": spec.name,
            "EndpointConfigName": {"Fn::GetAtt": ["EndpointConfig", "EndpointConfigName"]},
            "Tags": request["Tags"],
        },
    }


def _scaling(spec: Spec) -> Template:
    requests = scaling_requests(spec)
    if requests is None:
        return {}
    target, policy = requests
    return {
        "ScalableTarget": {
            "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
            "DependsOn": "Endpoint",
            "Properties": dict(target),
        },
        "ScalingPolicy": {
            "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
            "Properties": {
                "PolicyName": policy_name(spec.name),
                "PolicyType": POLICY_TYPE,
                "ScalingTargetId": {"Ref": "ScalableTarget"},
                POLICY_KEY: policy[POLICY_KEY],
            },
        },
    }

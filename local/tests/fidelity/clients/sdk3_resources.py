"""SageMaker's Python SDK 3, its resources: what there is, made, asked, changed and deleted as objects.

A program of its own, run with the SDK's environment.
"""

import json
import os
from typing import Any

from notes import ASKED, cannot, did
from sagemaker.core.resources import Endpoint, EndpointConfig, InferenceComponent, Model, Tag
from sagemaker.core.shapes import (
    ContainerDefinition,
    DesiredWeightAndCapacity,
    InferenceComponentComputeResourceRequirements,
    InferenceComponentRuntimeConfig,
    InferenceComponentSpecification,
    ProductionVariant,
)

ROLE = os.environ["SAGEMAKER_ROLE"]
BODY: dict[str, Any] = {"body": json.dumps(ASKED), "content_type": "application/json"}
OFTEN = {"poll": 1, "timeout": 60}


def variant(**more: Any) -> ProductionVariant:
    """The only one of a configuration."""
    named = {"variant_name": "AllTraffic", "initial_instance_count": 1, "instance_type": "ml.m5.large"}
    return ProductionVariant(**named, **more)


def main() -> None:
    """An endpoint of a model's, then one of components'."""
    image = ContainerDefinition(image="mooring")
    model = Model.create(model_name="three", primary_container=image, execution_role_arn=ROLE)
    did("Model.create", model.primary_container.image)
    config = EndpointConfig.create(endpoint_config_name="three", production_variants=[variant(model_name="three")])
    endpoint = Endpoint.create(endpoint_name="three", endpoint_config_name="three")
    endpoint.wait_for_status("InService", **OFTEN)
    did("Endpoint.create, wait_for_status", endpoint.endpoint_status)
    did("Endpoint.invoke", json.loads(endpoint.invoke(**BODY).body.read())["answer"])
    cannot("Endpoint.invoke_with_response_stream", lambda: endpoint.invoke_with_response_stream(**BODY))

    lists = [Model.get_all(), EndpointConfig.get_all(), Endpoint.get_all()]
    did("get_all", [[one.get_name() for one in found] for found in lists])
    Tag.add_tags(resource_arn=endpoint.endpoint_arn, tags=[{"key": "team", "value": "quay"}])
    did("Tag.get_all", [(tag.key, tag.value) for tag in Tag.get_all(resource_arn=endpoint.endpoint_arn)])
    Tag.delete_tags(resource_arn=endpoint.endpoint_arn, tag_keys=["team"])
    weight = DesiredWeightAndCapacity(variant_name="AllTraffic", desired_weight=2.0)
    endpoint.update_weights_and_capacities(desired_weights_and_capacities=[weight])
    endpoint.wait_for_status("InService", **OFTEN)
    did("Endpoint.update_weights_and_capacities", endpoint.production_variants[0].current_weight)
    endpoint.update(retain_all_variant_properties=True)
    endpoint.wait_for_status("InService", **OFTEN)
    did("Endpoint.update", endpoint.refresh().endpoint_status)
    endpoint.delete()
    endpoint.wait_for_delete(**OFTEN)
    did("Endpoint.delete, wait_for_delete", [one.get_name() for one in Endpoint.get_all()])

    components()
    config.delete()
    model.delete()
    did("Model.delete", [one.get_name() for one in Model.get_all()])


def components() -> None:
    """An endpoint without a model, and a component on it."""
    config = EndpointConfig.create(
        endpoint_config_name="parts", production_variants=[variant()], execution_role_arn=ROLE
    )
    endpoint = Endpoint.create(endpoint_name="parts", endpoint_config_name="parts")
    endpoint.wait_for_status("InService", **OFTEN)
    needs = InferenceComponentComputeResourceRequirements(min_memory_required_in_mb=512, number_of_cpu_cores_required=1)
    component = InferenceComponent.create(
        inference_component_name="part",
        endpoint_name="parts",
        variant_name="AllTraffic",
        specification=InferenceComponentSpecification(model_name="three", compute_resource_requirements=needs),
        runtime_config=InferenceComponentRuntimeConfig(copy_count=1),
    )
    component.wait_for_status("InService", **OFTEN)
    answer = endpoint.invoke(**BODY, inference_component_name="part")
    did("InferenceComponent.create, Endpoint.invoke", json.loads(answer.body.read())["answer"])
    component.delete()
    component.wait_for_delete(**OFTEN)
    endpoint.delete()
    config.delete()
    did("InferenceComponent.delete", [one.get_name() for one in InferenceComponent.get_all()])


if __name__ == "__main__":
    main()

"""The arguments of SageMaker's control plane and of its runtime."""

from mooring_local.wire.arguments import Arguments, takes

_NAME_AND_TIME = "NextToken MaxResults SortBy SortOrder NameContains CreationTimeBefore CreationTimeAfter"
_CHANGED = "LastModifiedTimeBefore LastModifiedTimeAfter StatusEquals"

SAGEMAKER = Arguments(
    operations={
        "AddTags": takes("ResourceArn Tags"),
        "CreateEndpoint": takes("EndpointName EndpointConfigName Tags", kept="DeploymentConfig"),
        "CreateEndpointConfig": takes(
            "EndpointConfigName ProductionVariants ShadowProductionVariants AsyncInferenceConfig DataCaptureConfig "
            "Tags",
            kept="ExecutionRoleArn KmsKeyId VpcConfig EnableNetworkIsolation MetricsConfig CrossRegionTrafficConfig",
            refused="ExplainerConfig",
        ),
        "CreateInferenceComponent": takes(
            "InferenceComponentName EndpointName VariantName Specification RuntimeConfig Tags",
            refused="Specifications",
        ),
        "CreateModel": takes(
            "ModelName PrimaryContainer Containers InferenceExecutionConfig Tags",
            kept="ExecutionRoleArn VpcConfig EnableNetworkIsolation",
        ),
        "CreateTransformJob": takes(
            "TransformJobName ModelName MaxConcurrentTransforms ModelClientConfig MaxPayloadInMB BatchStrategy "
            "Environment TransformInput TransformOutput DataProcessing DataCaptureConfig Tags",
            kept="TransformResources ExperimentConfig",
        ),
        "DeleteEndpoint": takes("EndpointName"),
        "DeleteEndpointConfig": takes("EndpointConfigName"),
        "DeleteInferenceComponent": takes("InferenceComponentName"),
        "DeleteModel": takes("ModelName"),
        "DeleteTags": takes("ResourceArn TagKeys"),
        "DescribeEndpoint": takes("EndpointName"),
        "DescribeEndpointConfig": takes("EndpointConfigName"),
        "DescribeInferenceComponent": takes("InferenceComponentName"),
        "DescribeModel": takes("ModelName"),
        "DescribeTransformJob": takes("TransformJobName"),
        "ListEndpointConfigs": takes(_NAME_AND_TIME),
        "ListEndpoints": takes(f"{_NAME_AND_TIME} {_CHANGED}"),
        "ListInferenceComponents": takes(f"{_NAME_AND_TIME} {_CHANGED} EndpointNameEquals VariantNameEquals"),
        "ListModels": takes(_NAME_AND_TIME),
        "ListTags": takes("ResourceArn NextToken MaxResults"),
        "ListTransformJobs": takes(f"{_NAME_AND_TIME} {_CHANGED}"),
        "StopTransformJob": takes("TransformJobName"),
        "UpdateEndpoint": takes(
            "EndpointName EndpointConfigName RetainAllVariantProperties ExcludeRetainedVariantProperties",
            kept="DeploymentConfig RetainDeploymentConfig",
        ),
        "UpdateEndpointWeightsAndCapacities": takes("EndpointName DesiredWeightsAndCapacities"),
        "UpdateInferenceComponent": takes(
            "InferenceComponentName RuntimeConfig", kept="DeploymentConfig", refused="Specification Specifications"
        ),
        "UpdateInferenceComponentRuntimeConfig": takes("InferenceComponentName DesiredRuntimeConfig"),
    },
    structures={
        "Tag": takes("Key Value"),
        # Models
        "ContainerDefinition": takes(
            "ContainerHostname Image Mode ModelDataUrl ModelDataSource AdditionalModelDataSources Environment "
            "MultiModelConfig",
            kept="ImageConfig ContainerMetricsConfig",
            refused="ModelPackageName InferenceSpecificationName",
        ),
        "ModelDataSource": takes("S3DataSource"),
        "AdditionalModelDataSource": takes("ChannelName S3DataSource"),
        "S3ModelDataSource": takes(
            "S3Uri S3DataType CompressionType",
            kept="ModelAccessConfig",
            refused="HubAccessConfig ManifestS3Uri ETag ManifestEtag",
        ),
        "MultiModelConfig": takes("ModelCacheSetting"),
        "InferenceExecutionConfig": takes("Mode"),
        # Endpoint configurations
        "ProductionVariant": takes(
            "VariantName ModelName InitialInstanceCount InitialVariantWeight ServerlessConfig "
            "ContainerStartupHealthCheckTimeoutInSeconds",
            kept="InstanceType AcceleratorType VolumeSizeInGB ModelDataDownloadTimeoutInSeconds EnableSSMAccess "
            "ManagedInstanceScaling RoutingConfig InferenceAmiVersion CapacityReservationConfig "
            "AcceleratorPartitionLayouts VariantInstanceProvisionTimeoutInSeconds",
            refused="InstancePools CoreDumpConfig",
        ),
        "ProductionVariantServerlessConfig": takes("MemorySizeInMB MaxConcurrency", kept="ProvisionedConcurrency"),
        "AsyncInferenceConfig": takes("ClientConfig OutputConfig"),
        "AsyncInferenceClientConfig": takes("MaxConcurrentInvocationsPerInstance"),
        "AsyncInferenceOutputConfig": takes("S3OutputPath S3FailurePath NotificationConfig", kept="KmsKeyId"),
        "AsyncInferenceNotificationConfig": takes("SuccessTopic ErrorTopic IncludeInferenceResponseIn"),
        "DataCaptureConfig": takes(
            "EnableCapture InitialSamplingPercentage DestinationS3Uri CaptureOptions CaptureContentTypeHeader",
            kept="KmsKeyId",
        ),
        "CaptureOption": takes("CaptureMode"),
        "CaptureContentTypeHeader": takes("CsvContentTypes JsonContentTypes"),
        # Endpoints
        "VariantProperty": takes("VariantPropertyType"),
        "DesiredWeightAndCapacity": takes("VariantName DesiredWeight DesiredInstanceCount ServerlessUpdateConfig"),
        "ProductionVariantServerlessUpdateConfig": takes("MaxConcurrency", kept="ProvisionedConcurrency"),
        # Inference components
        "InferenceComponentSpecification": takes(
            "ModelName Container StartupParameters",
            kept="InstanceType ComputeResourceRequirements DataCacheConfig SchedulingConfig",
            refused="BaseInferenceComponentName",
        ),
        "InferenceComponentContainerSpecification": takes(
            "Image ArtifactUrl Environment", kept="ContainerMetricsConfig"
        ),
        "InferenceComponentStartupParameters": takes(
            "ContainerStartupHealthCheckTimeoutInSeconds", kept="ModelDataDownloadTimeoutInSeconds"
        ),
        "InferenceComponentRuntimeConfig": takes(kept="CopyCount"),
        # Transform jobs
        "ModelClientConfig": takes("InvocationsTimeoutInSeconds InvocationsMaxRetries"),
        "TransformInput": takes("DataSource ContentType CompressionType SplitType"),
        "TransformDataSource": takes("S3DataSource"),
        "TransformS3DataSource": takes("S3DataType S3Uri", only={"S3DataType": "ManifestFile S3Prefix"}),
        "TransformOutput": takes("S3OutputPath Accept AssembleWith", kept="KmsKeyId"),
        "BatchDataCaptureConfig": takes("DestinationS3Uri", kept="KmsKeyId", refused="GenerateInferenceId"),
        "DataProcessing": takes("InputFilter OutputFilter JoinSource"),
    },
)

_EVERY_CALL = "EndpointName Body ContentType Accept CustomAttributes InferenceId"
_ROUTED = "TargetVariant TargetContainerHostname InferenceComponentName SessionId"

RUNTIME = Arguments(
    operations={
        "InvokeEndpoint": takes(
            f"{_EVERY_CALL} {_ROUTED} TargetModel", kept="PrefixAwareId", refused="EnableExplanations"
        ),
        "InvokeEndpointWithResponseStream": takes(f"{_EVERY_CALL} {_ROUTED}", kept="PrefixAwareId"),
        "InvokeEndpointAsync": takes(
            f"{_EVERY_CALL} InputLocation S3OutputPathExtension Filename RequestTTLSeconds InvocationTimeoutSeconds"
        ),
    },
)

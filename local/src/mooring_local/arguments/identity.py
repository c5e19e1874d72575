"""The arguments of the services around SageMaker: ECR, IAM, STS, Logs and Application Auto Scaling."""

from mooring_local.wire.arguments import Arguments, takes

_KEY_AND_VALUE = {"Tag": takes("Key Value")}

ECR = Arguments(
    operations={
        "BatchGetImage": takes("registryId repositoryName imageIds acceptedMediaTypes"),
        "CreateRepository": takes(
            "registryId repositoryName tags imageTagMutability",
            kept="imageScanningConfiguration encryptionConfiguration",
            refused="imageTagMutabilityExclusionFilters",
            only={"imageTagMutability": "MUTABLE IMMUTABLE"},
        ),
        "DeleteRepository": takes("registryId repositoryName force"),
        "DescribeImages": takes("registryId repositoryName imageIds nextToken maxResults filter"),
        "DescribeRepositories": takes("registryId repositoryNames nextToken maxResults"),
        "GetAuthorizationToken": takes(kept="registryIds"),
        "ListImages": takes("registryId repositoryName nextToken maxResults filter"),
        "ListTagsForResource": takes("resourceArn"),
        "PutImage": takes("registryId repositoryName imageManifest imageManifestMediaType imageTag imageDigest"),
        "TagResource": takes("resourceArn tags"),
        "UntagResource": takes("resourceArn tagKeys"),
    },
    structures={
        **_KEY_AND_VALUE,
        "ImageIdentifier": takes("imageDigest imageTag"),
        "ListImagesFilter": takes("tagStatus imageStatus"),
        "DescribeImagesFilter": takes("tagStatus imageStatus"),
    },
)

_TARGET = "ServiceNamespace ResourceId ScalableDimension"

AUTOSCALING = Arguments(
    operations={
        "DeleteScalingPolicy": takes(f"PolicyName {_TARGET}"),
        "DeregisterScalableTarget": takes(_TARGET),
        "DescribeScalableTargets": takes("ServiceNamespace ResourceIds ScalableDimension MaxResults NextToken"),
        "DescribeScalingActivities": takes(f"{_TARGET} MaxResults NextToken IncludeNotScaledActivities"),
        "DescribeScalingPolicies": takes(f"PolicyNames {_TARGET} MaxResults NextToken"),
        "ListTagsForResource": takes("ResourceARN"),
        "PutScalingPolicy": takes(
            f"PolicyName {_TARGET} PolicyType",
            kept="StepScalingPolicyConfiguration TargetTrackingScalingPolicyConfiguration "
            "PredictiveScalingPolicyConfiguration",
        ),
        "RegisterScalableTarget": takes(f"{_TARGET} MinCapacity MaxCapacity Tags", kept="RoleARN SuspendedState"),
        "TagResource": takes("ResourceARN Tags"),
        "UntagResource": takes("ResourceARN TagKeys"),
    },
)

STS = Arguments(
    operations={
        "AssumeRole": takes(
            "RoleArn RoleSessionName DurationSeconds SourceIdentity",
            kept="PolicyArns Policy Tags TransitiveTagKeys ExternalId SerialNumber TokenCode ProvidedContexts",
            refused="MinimumSessionTokenSize",
        ),
        "GetCallerIdentity": takes(),
        "GetSessionToken": takes("DurationSeconds", kept="SerialNumber TokenCode", refused="MinimumSessionTokenSize"),
    },
)

IAM = Arguments(
    operations={
        "AttachRolePolicy": takes("RoleName PolicyArn"),
        "CreateRole": takes(
            "Path RoleName AssumeRolePolicyDocument Description Tags",
            kept="MaxSessionDuration MaxSigninSessionDuration PermissionsBoundary",
        ),
        "DeleteRole": takes("RoleName"),
        "DeleteRolePolicy": takes("RoleName PolicyName"),
        "DetachRolePolicy": takes("RoleName PolicyArn"),
        "GetRole": takes("RoleName"),
        "GetRolePolicy": takes("RoleName PolicyName"),
        "ListAttachedRolePolicies": takes("RoleName PathPrefix Marker MaxItems"),
        "ListRolePolicies": takes("RoleName Marker MaxItems"),
        "ListRoleTags": takes("RoleName Marker MaxItems"),
        "ListRoles": takes("PathPrefix Marker MaxItems"),
        "PutRolePolicy": takes("RoleName PolicyName PolicyDocument"),
        "SimulatePrincipalPolicy": takes(
            "PolicySourceArn ActionNames ResourceArns Marker MaxItems",
            refused="PolicyInputList PermissionsBoundaryPolicyInputList PolicyExclusionList ResourcePolicy "
            "ResourceOwner CallerArn ContextEntries ResourceHandlingOption",
        ),
        "TagRole": takes("RoleName Tags"),
        "UntagRole": takes("RoleName TagKeys"),
        "UpdateAssumeRolePolicy": takes("RoleName PolicyDocument"),
    },
    structures=_KEY_AND_VALUE,
)

_GROUP = "logGroupName logGroupIdentifier"
_SPAN = "startTime endTime nextToken limit startFromHead"

LOGS = Arguments(
    operations={
        "DescribeLogGroups": takes(
            "logGroupNamePrefix logGroupNamePattern nextToken limit logGroupClass",
            refused="accountIdentifiers includeLinkedAccounts logGroupIdentifiers",
        ),
        "DescribeLogStreams": takes(f"{_GROUP} logStreamNamePrefix orderBy descending nextToken limit"),
        "FilterLogEvents": takes(
            f"{_GROUP} logStreamNames logStreamNamePrefix filterPattern {_SPAN}", kept="interleaved unmask"
        ),
        "GetLogEvents": takes(f"{_GROUP} logStreamName {_SPAN}", kept="unmask"),
    },
)

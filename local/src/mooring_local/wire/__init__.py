"""AWS's wire protocols: decode requests and encode responses, for any service."""

"""Endpoints that live: started, watched, replaced, updated, ended. The control plane gives the orders."""

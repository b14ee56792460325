"""Processes that stay up: the gateway, its workers, and what decides between them."""

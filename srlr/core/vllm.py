"""What can be said of vLLM, where it draws the answers."""

from typing import Annotated, Literal

from pydantic import BeforeValidator

from srlr.core.node import Count, Node, Positive, Share


class Vllm(Node):
    """Answers drawn by vLLM instead of transformers; GPUs, and rlvr.backend=trl."""

    mode: Annotated[
        Literal["off", "colocate", "server"],
        BeforeValidator(lambda said: "off" if said is False else said),
    ] = "off"
    """In the training's own process, or by a server that was started with `trl vllm-serve`."""
    url: str | None = None
    """Of the server, such as http://10.0.0.5:8000; None: host and port."""
    host: str = "localhost"
    port: Count = 8000
    timeout_s: Positive = 240.0
    """How long the server is waited for."""
    gpu_memory_share: Share = 0.3
    """Of the GPU, kept for vLLM with colocate."""
    tensor_parallel: Count = 1
    """GPUs that share the model with colocate."""

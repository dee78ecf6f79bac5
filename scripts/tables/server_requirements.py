"""What options of the server and of its adapters ask of each other."""

from __future__ import annotations

from requirement_records import CLI, Record, excludes, needs, number

SERVER: tuple[Record, ...] = (
    needs(
        "enable_log_outputs",
        "enable_log_requests",
        since="0.22.1",
        at=(CLI, "--enable-log-outputs requires --enable-log-requests"),
    ),
    excludes(
        "enable_per_request_metrics",
        "disable_log_stats",
        at=(CLI, "Error: --enable-per-request-metrics requires engine statistics "),
    ),
    excludes("grpc", "grpc_port=*", at=(CLI, "--grpc and --grpc-port are mutually exclusive. Use --grpc ")),
    needs(
        "grpc_port=*",
        "$VLLM_USE_RUST_FRONTEND",
        unless=("grpc",),
        at=(CLI, "--grpc-port requires VLLM_USE_RUST_FRONTEND=1 vllm serve"),
    ),
    excludes("grpc_port=*", "headless", unless=("grpc",), at=(CLI, "--grpc-port requires a Rust frontend; ")),
    excludes(
        "grpc_port=*",
        "data_parallel_multi_port_external_lb",
        unless=("grpc",),
        at=(CLI, "its frontends would share the same gRPC port"),
    ),
    number(
        "grpc_port",
        "unlike",
        "port",
        when=("$VLLM_USE_RUST_FRONTEND", "grpc_port>0"),
        unless=("grpc", "uds=*"),
        at=(CLI, "--grpc-port must differ from --port when HTTP uses TCP"),
    ),
    needs(
        "ssl_keyfile=*",
        "ssl_certfile=*",
        stage="run",
        since="always",
        door="server",
        why="the web server finds no certificate for the key",
        at=("entrypoints/launchers/launcher.py", "key_path=config.ssl_keyfile,"),
    ),
    needs(
        "lora_modules=*",
        "enable_lora",
        stage="run",
        door="server",
        at=("v1/worker/lora_model_runner_mixin.py", 'raise RuntimeError("LoRA is not enabled. Use'),
    ),
    number(
        "max_cpu_loras",
        "at_least",
        "max_loras",
        when=("enable_lora", "max_cpu_loras>0"),
        since="always",
        at=("config/lora.py", "elif self.max_cpu_loras < self.max_loras:"),
    ),
)

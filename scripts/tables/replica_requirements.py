"""What options of replicas, and of machines that share a model, ask of each other."""

from __future__ import annotations

from collections.abc import Sequence

from requirement_records import ARGS, PARALLEL, SERVE, SUPERVISOR, Record, excludes, needs, number

EXTERNAL = ("data_parallel_external_lb", "data_parallel_rank=*")


def only_with_multi_port(*others: tuple[str, str]) -> Sequence[Record]:
    """Return what `--data-parallel-multi-port-external-lb` cannot be combined with."""
    option = "data_parallel_multi_port_external_lb"
    return [excludes(option, other, at=(SUPERVISOR, words)) for other, words in others]


REPLICAS: tuple[Record, ...] = (
    needs(
        "data_parallel_external_lb",
        "data_parallel_rank=*",
        "nnodes>1",
        at=(ARGS, "`--data-parallel-external-lb` requires a data-parallel "),
    ),
    needs(
        "data_parallel_external_lb",
        "data_parallel_size>1",
        at=(PARALLEL, "data_parallel_external_lb can only be set when data_parallel_size > 1"),
    ),
    needs(
        "data_parallel_rank=*",
        "data_parallel_size>1",
        unless=("data_parallel_external_lb",),
        at=(PARALLEL, "if self.data_parallel_size <= 1 and self.data_parallel_external_lb:"),
    ),
    excludes(
        "data_parallel_external_lb",
        "model:dense",
        when=("data_parallel_size>1",),
        since="0.21.0",
        help="start one server per replica, without `--data-parallel-*`",
        at=(ARGS, "Non-MoE models do not support external data parallel mode. "),
    ),
    excludes(
        "data_parallel_rank=*",
        "model:dense",
        when=("data_parallel_size>1",),
        unless=("data_parallel_external_lb",),
        since="0.21.0",
        help="start one server per replica, without `--data-parallel-*`",
        at=(ARGS, "For external load balancing, launch independent vLLM "),
    ),
    needs(
        "data_parallel_hybrid_lb",
        "data_parallel_size_local=*",
        "nnodes>1",
        unless=EXTERNAL,
        at=(ARGS, "`--data-parallel-hybrid-lb` requires "),
    ),
    needs(
        "data_parallel_start_rank=*",
        "data_parallel_size_local=*",
        "nnodes>1",
        unless=EXTERNAL,
        effect="ignored",
        at=(ARGS, "# Infer hybrid LB mode."),
    ),
    needs(
        "enable_fault_tolerance",
        *EXTERNAL,
        at=(ARGS, "Fault tolerance requires external load balancer mode "),
    ),
    needs(
        "data_parallel_multi_port_external_lb",
        "data_parallel_size>1",
        at=(SUPERVISOR, "if args.data_parallel_size < 2:"),
    ),
    needs(
        "data_parallel_multi_port_external_lb",
        "data_parallel_size_local>=2",
        at=(SUPERVISOR, "if local_size is None or local_size < 2:"),
    ),
    number(
        "data_parallel_size",
        "multiple_of",
        "data_parallel_size_local",
        when=("data_parallel_multi_port_external_lb", "data_parallel_size_local>=2"),
        at=(SUPERVISOR, "if args.data_parallel_size % local_size != 0:"),
    ),
    *only_with_multi_port(
        ("grpc", "--data-parallel-multi-port-external-lb does not support --grpc"),
        ("uds=*", "--data-parallel-multi-port-external-lb does not support --uds"),
        ("api_server_count!=1|none", "if args.api_server_count not in (None, 1):"),
        ("data_parallel_rank=*", "if args.data_parallel_rank is not None:"),
        ("data_parallel_external_lb", "if args.data_parallel_external_lb or args.data_parallel_hybrid_lb:"),
        ("data_parallel_hybrid_lb", "--data-parallel-external-lb or --data-parallel-hybrid-lb"),
    ),
    excludes(
        "data_parallel_hybrid_lb",
        "data_parallel_external_lb",
        door="",
        at=(SERVE, "if sum([is_multi_port, is_external_lb, is_hybrid_lb]) > 1:"),
    ),
    excludes(
        "data_parallel_hybrid_lb",
        "data_parallel_rank=*",
        at=(SERVE, '"--data-parallel-hybrid-lb (or --data-parallel-start-rank)."'),
    ),
    excludes(
        "data_parallel_start_rank=*",
        "data_parallel_external_lb",
        unless=("data_parallel_hybrid_lb", "data_parallel_multi_port_external_lb"),
        at=(SERVE, "Choose one of: --data-parallel-multi-port-external-lb, "),
    ),
    excludes(
        "data_parallel_start_rank=*",
        "data_parallel_rank=*",
        unless=("data_parallel_hybrid_lb", "data_parallel_multi_port_external_lb"),
        at=(SERVE, "Cannot use more than one data parallel load balancing mode. "),
    ),
    excludes(
        "data_parallel_rank=*",
        "data_parallel_size_local>1",
        at=(ARGS, "if self.data_parallel_size_local not in (1, None):"),
    ),
    excludes(
        "data_parallel_rank=*",
        "data_parallel_size_local=0",
        at=(ARGS, "data-parallel rank requires `--data-parallel-size-local "),
    ),
    number(
        "data_parallel_rank",
        "below",
        "data_parallel_size",
        when=("data_parallel_size>1", "model:moe"),
        at=(PARALLEL, "if not (0 <= self.data_parallel_rank < self.data_parallel_size):"),
    ),
    number(
        "data_parallel_start_rank",
        "below",
        "data_parallel_size",
        when=("data_parallel_size>1", "data_parallel_size_local=*"),
        unless=EXTERNAL,
        at=(PARALLEL, ' must be in the range [0, {self.data_parallel_size})"'),
    ),
    excludes(
        "headless",
        "api_server_count>0",
        stage="validate",
        at=(SERVE, "if args.api_server_count is not None and args.api_server_count > 0:"),
    ),
    excludes(
        "headless",
        "data_parallel_hybrid_lb",
        door="serve",
        at=(ARGS, "assert not headless or not self.data_parallel_hybrid_lb, ("),
    ),
    excludes("headless", "data_parallel_size_local=0", at=(SERVE, "if local_engine_count <= 0:")),
    excludes(
        "enable_fault_tolerance", "api_server_count>1", at=(PARALLEL, "(--api-server-count=1), but got")
    ),
    excludes(
        "api_server_count>1",
        "$VLLM_ALLOW_RUNTIME_LORA_UPDATING",
        unless=("headless",),
        at=(SERVE, "VLLM_ALLOW_RUNTIME_LORA_UPDATING cannot be used with api_server_count > 1"),
    ),
    excludes(
        "data_parallel_size>1",
        "$VLLM_ALLOW_RUNTIME_LORA_UPDATING",
        unless=(
            *EXTERNAL,
            "api_server_count=*",
            "data_parallel_hybrid_lb",
            "data_parallel_start_rank=*",
            "data_parallel_multi_port_external_lb",
            "headless",
            "enable_elastic_ep",
            "$VLLM_USE_RUST_FRONTEND",
        ),
        why="there are as many API servers as replicas, and each would load adapters of its own",
        help="give `--api-server-count 1`",
        at=(SERVE, "if num_api_servers > 1 and envs.VLLM_ALLOW_RUNTIME_LORA_UPDATING:"),
    ),
    excludes(
        "nnodes>1",
        "data_parallel_backend=ray",
        at=(ARGS, 'if self.nnodes > 1 and self.data_parallel_backend != "mp":'),
    ),
    excludes(
        "nnodes>1",
        "distributed_executor_backend=ray",
        unless=("data_parallel_backend=ray",),
        at=(PARALLEL, "nnodes > 1 can only be set when distributed executor "),
    ),
    number(
        "node_rank",
        "below",
        "nnodes",
        when=("nnodes>1",),
        at=(ARGS, "if not 0 <= self.node_rank < self.nnodes:"),
    ),
    needs(
        "nnodes>1",
        "master_addr!=127.0.0.1|localhost|none",
        "data_parallel_address=*",
        effect="waits",
        why="the machines look for each other at 127.0.0.1, where each finds but itself",
        at=(PARALLEL, 'master_addr: str = "127.0.0.1"'),
    ),
    needs(
        "data_parallel_size_local=*",
        "data_parallel_address!=127.0.0.1|localhost|none",
        when=("data_parallel_size>data_parallel_size_local", "data_parallel_backend=mp"),
        unless=(*EXTERNAL, "nnodes>1", "master_addr!=127.0.0.1|localhost|none"),
        effect="waits",
        why="replicas on other machines look for the first at 127.0.0.1, where each finds but itself",
        at=(PARALLEL, 'data_parallel_master_ip: str = "127.0.0.1"'),
    ),
)

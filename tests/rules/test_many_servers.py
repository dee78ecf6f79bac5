"""Messages about many servers stay short."""

from __future__ import annotations

from pathlib import Path

from vllint import check_paths


def test_the_shares_of_many_servers_are_counted_and_not_listed(tmp_path: Path) -> None:
    script = tmp_path / "start.sh"
    servers = (
        f"vllm serve Qwen/Qwen3-0.6B --port {port} --gpu-memory-utilization {0.9 if port % 3 else 0.5} &\n"
        for port in range(8000, 8120)
    )
    script.write_text("".join(servers))
    [finding] = [one for one in check_paths([script]).findings if one.code == "MEM004"]
    assert finding.message.startswith(
        "120 servers share GPU 0 and ask for 80 x 0.9 + 40 x 0.5 = 92 of its memory: "
    )
    assert len(finding.related) < 10


def test_a_share_that_vllm_refuses_is_not_added_up(tmp_path: Path) -> None:
    script = tmp_path / "start.sh"
    script.write_text(
        "vllm serve Qwen/Qwen3-0.6B --gpu-memory-utilization 95 &\nvllm serve Qwen/Qwen3-0.6B --port 1 &\n"
    )
    assert [one.code for one in check_paths([script]).findings if one.code.startswith("MEM")] == ["MEM006"]

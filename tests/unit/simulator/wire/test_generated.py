from pathlib import Path

from deploy.tools.generate_wire import GEN, generate_messages, generate_tokens
from tests.support.whatsapp.baileys_peer import NODE_MODULES


def test_what_is_committed_is_what_the_installed_baileys_says(tmp_path: Path) -> None:
    generate_messages(NODE_MODULES / "baileys", tmp_path)
    generate_tokens(NODE_MODULES / "baileys", tmp_path)
    for generated in tmp_path.iterdir():
        assert generated.read_text() == (GEN / generated.name).read_text(), generated.name
    assert {path.name for path in tmp_path.iterdir()} == {"tokens.py", "whatsapp_pb2.py", "whatsapp_pb2.pyi"}

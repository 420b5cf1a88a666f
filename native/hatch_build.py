"""Builds a compiled heaplint where that is asked for: `HATCH_BUILD_HOOK_ENABLE_CUSTOM=1 pip install .` (docs/developing.md)."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).resolve().parent))
import native_sources


class NativeHook(BuildHookInterface[Any]):
    """Compiles `native_sources.modules()` in a folder of its own, so that no shared object ever lies beside a source."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What the compiler asks for; types of what heaplint imports among it."""
        return [*native_sources.REQUIREMENTS, *self.metadata.core.dependencies]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            self.app.display_warning("an editable heaplint is not compiled")
            return
        self.folder = tempfile.TemporaryDirectory()
        place = Path(self.folder.name)
        names = native_sources.write(place)
        (place / "setup.py").write_text(native_sources.setup(names), "utf-8")
        subprocess.run([sys.executable, "setup.py", "-q", "build_ext", "--inplace"], cwd=place, check=True)
        build_data["pure_python"], build_data["infer_tag"] = False, True
        for made in native_sources.made(place):
            build_data["force_include"][str(place / made)] = made

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if version != "editable":
            self.folder.cleanup()

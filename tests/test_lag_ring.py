"""An iliosacral lag screw in the pelvic ring: tightened, it presses the fracture; a load adds to that."""

from __future__ import annotations

# isort: split
import pandas as pd
import pytest

import sacrofem
from sacrofem.catalogue import resolve_study
from sacrofem.catalogue.models import MeshSettings, Study, Treatment
from sacrofem.errors import ConfigError

FORCE = 150.0  # N, of the entry
FORBIDDEN = {"extent": {"extent": "sacrum", "support": "sacroiliac_cartilage"}, "thread": {"implant_interface": "frictional"}}


def study(**given: object) -> Study:
    fields = {
        "name": "lag",
        "title": "A lag screw",
        "source": "made for a test",
        "fracture": "denis1_right",
        "treatments": (Treatment(name="untreated"), Treatment(name="lag", implants=("iliosacral_s1_lag_right",))),
        "bmd_levels": ("osteoporosis",),
        "loads": ("standing",),
        "density_law": "dalstra1993",
        "interface": "granulation",
        "support": "ball_and_socket",
        "extent": "pelvic_ring",
        "mesh": MeshSettings(size=6.0, feature_size=3.5, joint_size=3.0, sampling=1.5),
    }
    return Study.model_validate(fields | given)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    result = sacrofem.run_study(study(), output=tmp_path_factory.mktemp("lag") / "run", pictures=False)
    return result.table


def figure(table: pd.DataFrame, metric: str, arm: str = "lag") -> float:
    rows = table[(table.metric == metric) & (table.treatment == arm)]
    assert len(rows) == 1, (metric, len(rows))
    return float(rows.value.iloc[0])


@pytest.mark.slow
def test_the_screw_is_tightened_to_its_force_and_presses_the_fracture(table: pd.DataFrame) -> None:
    """Ring and ligaments carry a little past the section; the rest of it is pressed with what the screw pulls."""
    tension = figure(table, "screw_tension_before:iliosacral_s1_lag_right.s1")
    assert tension == pytest.approx(FORCE, rel=5e-3)
    assert 0.6 * FORCE < figure(table, "compression_before") < 1.1 * FORCE


@pytest.mark.slow
def test_a_load_changes_the_force_and_motions_are_counted_from_the_tightened_state(table: pd.DataFrame) -> None:
    """With springs in the fracture the screw calms it as one without pretension does: less motion than untreated."""
    change = figure(table, "screw_tension:iliosacral_s1_lag_right.s1") - FORCE
    assert 0.1 < abs(change) < 3 * FORCE
    assert figure(table, "micromotion_mean") < figure(table, "micromotion_mean", "untreated")
    assert "screw_tension:iliosacral_s1_lag_right.s1" not in set(table[table.treatment == "untreated"].metric)


@pytest.mark.parametrize("change", FORBIDDEN.values(), ids=FORBIDDEN)
def test_a_screw_with_nothing_to_press_on_or_to_hold_its_thread_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="iliosacral_s1_lag_right"):
        resolve_study(study(**change))

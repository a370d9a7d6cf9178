"""Models are saved and loaded, pickled and copied; what is no model file is refused in words."""

from __future__ import annotations

import json
import math
import os
import pickle
from typing import TYPE_CHECKING

import joblib
import numpy as np
import pytest

import tercet as tc

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["model", "spend"])
def fitted(request):
    """Each kind of fitted model in turn."""
    return request.getfixturevalue(request.param)


def predictions(model, summary):
    if isinstance(model, tc.GammaGamma):
        return [model.expected_spend(summary)]
    return [
        model.probability_alive(summary),
        model.expected_purchases(summary, 39),
        model.time_until(summary),
        model.expected_purchases_interval(summary, 39),
    ]


def assert_same(first, second, summary):
    assert type(first) is type(second)
    assert first.params_ == second.params_
    assert first.standard_errors_ == second.standard_errors_
    assert first.log_likelihood_ == second.log_likelihood_
    assert first.how_it_ended_ == second.how_it_ended_
    for one, other in zip(predictions(first, summary), predictions(second, summary), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_saved_model_comes_back_bit_for_bit(fitted, summary, tmp_path):
    path = tmp_path / "model.json"
    fitted.save(path)
    loaded = tc.load(path)
    assert_same(loaded, fitted, summary)
    assert loaded.get_params() == fitted.get_params()
    assert repr(loaded) == repr(fitted)
    loaded.save(str(path))
    assert path.read_text() == (tmp_path / "model.json").read_text()
    assert_same(tc.load(str(path)), fitted, summary)


def test_settings_and_the_end_of_observation_are_saved(summary, tmp_path):
    model = tc.BGNBD("period", new_customers="skip", max_iterations=50)
    plain = {name: summary[name].to_numpy() for name in ("frequency", "recency", "T")}
    model.fit(plain, as_of="1997-09-30").save(tmp_path / "model.json")
    loaded = tc.load(tmp_path / "model.json")
    assert loaded.get_params() == model.get_params()
    assert loaded.as_of_ == "1997-09-30"


def test_the_callers_column_names_are_saved(summary, tmp_path):
    names = {"customer_id": "who", "frequency": "x", "recency": "t_x", "T": "age"}
    renamed = summary.rename(columns=names)
    model = tc.BGNBD(customer="who", frequency="x", recency="t_x", T="age").fit(renamed)
    spend = tc.GammaGamma(customer=None, frequency="x").fit(renamed)
    for one in (model, spend):
        one.save(tmp_path / "model.json")
        loaded = tc.load(tmp_path / "model.json")
        assert loaded.get_params() == one.get_params()
        assert_same(loaded, one, renamed)


def test_a_model_with_given_parameters_is_saved(tmp_path):
    model = tc.BGNBD.from_params(r=0.243, alpha=4.414, a=0.793, b=2.426, time_unit="day")
    model.save(tmp_path / "model.json")
    loaded = tc.load(tmp_path / "model.json")
    assert loaded.params_ == model.params_ == {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
    assert loaded.time_unit == "day"


def test_what_an_estimator_was_told_is_saved_whenever_it_was_told(summary, tmp_path):
    renamed = summary.rename(columns={"customer_id": "who", "T": "age"})
    given = tc.BGNBD.from_params(
        r=0.243, alpha=4.414, a=0.793, b=2.426, T="age", customer=None, new_customers="skip"
    )
    told = tc.BGNBD(n_jobs=1).fit(summary)
    told.set_params(T="age", customer="who", max_iterations=7, n_jobs=None)
    spend = tc.GammaGamma.from_params(p=6.25, q=3.74, v=15.44, zero_spend="skip", customer="who")
    for model in (given, told, spend):
        model.save(tmp_path / "model.json")
        for copy in (tc.load(tmp_path / "model.json"), pickle.loads(pickle.dumps(model))):
            assert copy.get_params() == model.get_params()
            assert copy.params_ == model.params_
            for one, other in zip(predict(copy, renamed), predict(model, renamed), strict=True):
                np.testing.assert_array_equal(one, other)


def predict(model, summary):
    if isinstance(model, tc.GammaGamma):
        return [model.expected_spend(summary)]
    return [model.probability_alive(summary), model.expected_purchases(summary, 39)]


def test_the_time_unit_of_the_estimates_is_saved(summary, tmp_path):
    model = tc.BGNBD("week").fit(summary).set_params(time_unit="day")
    model.save(tmp_path / "model.json")
    assert tc.load(tmp_path / "model.json").time_unit == "week"


def test_what_cannot_be_used_is_not_saved(summary, tmp_path):
    model = tc.BGNBD().fit(summary).set_params(max_iterations="many")
    with pytest.raises(tc.ParameterError, match="max_iterations = 'many'"):
        model.save(tmp_path / "model.json")
    assert not list(tmp_path.iterdir())


def test_given_parameters_have_no_likelihood(tmp_path):
    given = (
        tc.BGNBD.from_params(r=0.243, alpha=4.414, a=0.793, b=2.426),
        tc.GammaGamma.from_params(p=6.25, q=3.74, v=15.44),
    )
    for model in given:
        model.save(tmp_path / "model.json")
        for one in (model, tc.load(tmp_path / "model.json")):
            assert np.isnan([one.log_likelihood_, one.aic_, one.bic_]).all()
            for text in (repr(one), one._repr_html_()):
                assert "parameters: given, not fitted" in text
                assert "likelihood" not in text


def test_the_file_is_the_envelope_of_the_design(fitted, tmp_path):
    path = tmp_path / "model.json"
    fitted.save(path)
    content = json.loads(path.read_text())
    parts = ["format", "kind", "version", "written_by", "schema", "settings", "fitted", "report"]
    assert list(content) == parts
    assert content["format"] == "tercet"
    assert content["written_by"] == tc.__version__


def test_saving_the_same_fit_twice_gives_the_same_bytes(fitted, summary, tmp_path):
    again = type(fitted)(**fitted.get_params()).fit(summary)
    fitted.save(tmp_path / "one.json")
    again.save(tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_keep_the_model(fitted, summary, protocol):
    copy = pickle.loads(pickle.dumps(fitted, protocol))
    assert_same(copy, fitted, summary)
    assert type(copy.summary()) is type(fitted.summary())


def test_pickles_keep_column_names(summary):
    model = tc.BGNBD(T="age", customer=None).fit(summary.rename(columns={"T": "age"}))
    copy = pickle.loads(pickle.dumps(model))
    assert copy.get_params() == model.get_params()


def test_an_unfitted_model_pickles():
    copy = pickle.loads(pickle.dumps(tc.BGNBD("day")))
    assert copy.time_unit == "day"
    assert not hasattr(copy, "params_")


def test_joblib_takes_models_to_other_processes(model, summary):
    jobs = (
        joblib.delayed(model.probability_alive)(part) for part in (summary[:10], summary[10:20])
    )
    first, second = joblib.Parallel(n_jobs=2)(jobs)
    both = model.probability_alive(summary[:20])
    np.testing.assert_array_equal(np.concatenate([first, second]), both)


def test_a_missing_file_is_a_missing_file(tmp_path, model):
    with pytest.raises(FileNotFoundError):
        tc.load(tmp_path / "nothing.json")
    with pytest.raises(OSError, match="nowhere"):
        model.save(tmp_path / "nowhere" / "model.json")


def test_paths_are_paths(tmp_path, model):
    path = tmp_path / "model.json"
    for one in (path, str(path), os.fsencode(path)):
        model.save(one)
        assert tc.load(one).params_ == model.params_
        path.unlink()
    for no_path in (None, 3, ["model.json"]):
        for call in (model.save, tc.load):
            with pytest.raises(tc.ParameterError, match=r"path = .*: expected a path") as caught:
                call(no_path)
            assert caught.value.parameter == "path"


@pytest.mark.parametrize("kept", [0, 1, 20, 0.5, 0.9, -2])
def test_a_truncated_file_is_refused(fitted, tmp_path, kept):
    path = tmp_path / "model.json"
    fitted.save(path)
    text = path.read_text()
    path.write_text(text[: int(kept * len(text)) if 0 < kept < 1 else int(kept)])
    with pytest.raises(tc.ModelFileError, match=r"model\.json: not a whole tercet model file"):
        tc.load(path)


def test_an_empty_file_says_so(tmp_path):
    path = tmp_path / "model.json"
    path.touch()
    with pytest.raises(tc.ModelFileError, match=r"model\.json: .*empty"):
        tc.load(path)


def test_a_byte_order_mark_is_passed_over(fitted, tmp_path):
    path = tmp_path / "model.json"
    fitted.save(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert tc.load(path).params_ == fitted.params_


def edited(model, path: Path, **changes) -> Path:
    """Save a model with some parts of the envelope changed."""
    model.save(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return path


def test_a_file_of_a_newer_version_is_refused(fitted, tmp_path):
    path = edited(fitted, tmp_path / "model.json", version=99)
    with pytest.raises(tc.UnsupportedVersionError, match=r"json: .*version 99.*upgrade tercet"):
        tc.load(path)
    content = json.loads(path.read_text())
    parts = {"format": "tercet", "kind": content["kind"], "version": 99, "everything": "new"}
    path.write_text(json.dumps(parts))
    with pytest.raises(tc.UnsupportedVersionError, match=r"json: .*version 99.*upgrade tercet"):
        tc.load(path)


def test_a_file_of_an_unknown_kind_is_refused(fitted, tmp_path):
    path = edited(fitted, tmp_path / "model.json", kind="oracle")
    with pytest.raises(tc.ModelFileError, match="oracle"):
        tc.load(path)


def test_a_file_that_says_another_kind_is_refused(model, tmp_path):
    path = edited(model, tmp_path / "model.json", kind="gamma_gamma")
    with pytest.raises(tc.ModelFileError):
        tc.load(path)


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b"[]",
        b"null",
        b"customer_id,frequency\n1,2\n",
        b"PAR1\xff\xfe\x00",
        b'{"format": "x"}',
    ],
)
def test_what_is_no_model_file_is_refused(content, tmp_path):
    path = tmp_path / "other.file"
    path.write_bytes(content)
    with pytest.raises(tc.ModelFileError, match=r"other\.file"):
        tc.load(path)


def test_parameters_that_cannot_be_are_refused(model, tmp_path):
    path = tmp_path / "model.json"
    model.save(path)
    text = path.read_text()
    alpha = json.dumps(model.params_["alpha"])
    assert text.count(alpha) == 1
    for wrong in ("-1.0", "0.0", '"four"', "null"):
        path.write_text(text.replace(alpha, wrong))
        with pytest.raises(tc.ModelFileError):
            tc.load(path)


def test_loaded_models_show_estimates_without_the_frame_they_were_fitted_on(fitted, tmp_path):
    fitted.save(tmp_path / "model.json")
    table = tc.load(tmp_path / "model.json").summary()
    assert table["parameter"].tolist() == list(fitted.params_)


def test_boundaries_survive(tmp_path):
    rng = np.random.default_rng(5)
    t = np.full(2000, 50.0)
    frequency = rng.poisson(10.0, 2000)
    recency = np.where(frequency > 0, t * rng.beta(np.maximum(frequency, 1), 1), 0.0)
    with pytest.warns(tc.ConvergenceWarning):
        model = tc.BGNBD().fit({"frequency": frequency, "recency": recency, "T": t})
    model.save(tmp_path / "model.json")
    loaded = tc.load(tmp_path / "model.json")
    assert loaded.boundary_ == model.boundary_
    for one, other in zip(
        loaded.standard_errors_.values(), model.standard_errors_.values(), strict=True
    ):
        assert one == other or (math.isnan(one) and math.isnan(other))

"""The table of all runs, and what can be done with the chosen ones."""

import io
import time
import zipfile

import streamlit as st

from sslcore.errors import UserError
from sslcore.runs import RESUMABLE, RunFolder, find_run
from ui import controls
from ui.figures import overlay_figure
from ui.jobs import manager
from ui.lamp import LIGHTS
from ui.owner import may_control, refusal
from ui.plotly_live import live_chart, load_plotly
from ui.records import Record, records
from ui.run_files import delete_run, result_files, weights_file
from ui.shell import pages
from ui.summary import draw_command
from ui.texts import duration, percent, plain

MOST = 8  # curves in one chart


def draw_runs() -> None:
    """The whole page below its title."""
    controls.problem()
    found = records(manager().root)
    if not found:
        _empty()
        return
    state = st.multiselect(
        "Show",
        sorted({record.state for record in found}),
        key="runs_state",
        placeholder="All states",
        help="Show only runs in these states.",
    )
    shown = [record for record in found if not state or record.state in state]
    chosen = _table(shown)
    if not chosen:
        st.caption(":material/touch_app: Select a run to open or download it, several to compare them.")
    elif len(chosen) == 1:
        _one(chosen[0])
    else:
        _several(chosen[:MOST])
        if len(chosen) > MOST:
            st.caption(
                f"The first {MOST} of the {len(chosen)} selected runs are drawn: more cannot be told apart."
            )


def _empty() -> None:
    with st.container(border=True):
        st.markdown("#### No runs yet")
        st.markdown(
            "Everything that is trained on this server appears here, from the app and the command line alike."
        )
        st.page_link(pages()["train"], label="Train the first one", icon=":material/play_arrow:")


def _table(shown: list[Record]) -> list[Record]:
    """All runs; returns the selected ones. They stay selected when others come and go above them: a table
    itself remembers numbers of rows, so each list of runs gets a table of its own."""
    ids, before = [record.id for record in shown], st.session_state.get("_runs_chosen", ())
    rows = [
        {
            "Run": record.label,
            "Id": record.id[-6:],
            "State": record.state,
            "kNN": None if record.knn is None else 100 * record.knn,
            "Linear": None if record.linear is None else 100 * record.linear,
            "Embedding": LIGHTS.get(record.verdict, LIGHTS["unknown"]).word,
            "Trained": duration(record.seconds),
            "When": time.strftime("%Y-%m-%d %H:%M", time.localtime(record.created)) if record.created else "",
        }
        for record in shown
    ]
    share = {"format": "%.1f %%", "min_value": 0, "max_value": 100, "width": 130}
    picked = st.dataframe(
        rows,
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [row for row, run in enumerate(ids) if run in before]}},
        key=f"runs_table_{hash(tuple(ids))}",
        alt="All runs on this server",
        column_config={
            "Run": st.column_config.TextColumn(width=270),
            "Id": st.column_config.TextColumn(
                help="The end of the run's id, which its link and the command line name."
            ),
            "kNN": st.column_config.ProgressColumn(**share),
            "Linear": st.column_config.ProgressColumn(**share),
        },
    )
    chosen = [shown[row] for row in picked["selection"]["rows"]]
    st.session_state["_runs_chosen"] = [record.id for record in chosen]
    return chosen


def _one(record: Record) -> None:
    folder = RunFolder(manager().root / record.id)
    with st.container(border=True):
        st.markdown(f"#### {plain(record.label)}")
        controls.refused(record.id)
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.page_link(
                pages()["train"],
                label="Open",
                icon=":material/open_in_full:",
                query_params={"run": record.id},
                help="Curves, map and everything else about this run.",
            )
            mine = may_control(record.owner)
            if record.state in RESUMABLE:
                st.button(
                    "Resume",
                    icon=":material/play_arrow:",
                    help="Continue from the last checkpoint.",
                    on_click=controls.command,
                    args=("resume_folder", record.id),
                    disabled=not mine,
                )
            _downloads(folder)
            if not record.active:
                _delete(record)
        draw_command(record.id)


def _downloads(folder: RunFolder) -> None:
    st.download_button(
        "Results",
        lambda: _zip(folder),
        f"{folder.id}.zip",
        "application/zip",
        icon=":material/download:",
        help="Settings, metrics and log as a zip.",
        on_click="ignore",
    )
    if weights_file(folder) is not None:
        st.download_button(
            "Weights",
            lambda: weights_file(folder).read_bytes(),  # the newest when it is pressed, not when it was drawn
            f"{folder.id}.safetensors",
            "application/octet-stream",
            icon=":material/download:",
            help="The newest checkpoint's tensors in the safetensors format.",
            on_click="ignore",
        )


def _zip(folder: RunFolder) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in result_files(folder).items():
            archive.writestr(f"{folder.id}/{name}", content)
    return file.getvalue()


def _delete(record: Record) -> None:
    refused = refusal(record.owner)
    told = refused or "Delete this run for good."
    with st.popover("Delete", icon=":material/delete:", help=told, disabled=bool(refused)):
        st.markdown("Delete this run with all its files? This cannot be undone.")
        st.button("Yes, delete it", type="primary", on_click=_delete_now, args=(record.id,), help=told)


def _delete_now(run: str) -> None:
    """Callback: delete a run of one's own that is over."""
    try:
        delete_run(find_run(run, manager().root))
        manager().forget(run)
        st.toast("The run was deleted.")
    except UserError as error:
        controls.problem(str(error))


def _several(chosen: list[Record]) -> None:
    load_plotly()
    kind = st.segmented_control(
        "Accuracy",
        ["knn", "linear"],
        default="knn",
        required=True,
        key="runs_kind",
        format_func={"knn": "kNN", "linear": "Linear probe"}.get,
        help="Which accuracy to overlay.",
    )
    views = {f"{record.label} ({record.id[-6:]})": manager().view(record.id) for record in chosen}
    version = f"{kind}:" + ",".join(f"{label}:{view.version}" for label, view in views.items())
    live_chart(overlay_figure(views, kind), key="runs_overlay", version=version, height=380)
    best = max(chosen, key=lambda record: record.knn or 0.0)
    if best.knn is not None:
        st.caption(f"Best kNN accuracy: {percent(best.knn)}, {plain(best.label)}.")

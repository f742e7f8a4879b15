"""Draws docs/learning.svg and prints the tables of docs/learning.md from what docs/learning.sh wrote:

    python3 docs/learning.py figures [--no-plot]
"""
import json
import pathlib
import sys

FOLDER = pathlib.Path(sys.argv[1])
SETS = {"ml-1m": "ML-1M", "ml-100k": "ML-100K"}
RUNS = {
    "closed-form": "closed form",
    "diagonal": "diagonal",
    "rate": "rate .3",
    "no-forgetting": "closed form, no forgetting",
    "fixed-calibration": "closed form, the seed's calibration",
    "rate-factor-10": "closed form, everything x 10",
    "rate-10x": "rate .3, everything x 10",
    "pairwise": "closed form, pairwise",
}
FIGURES = {"within_user_auc": "AUC within a visitor", "log_loss": "log-loss"}


def short(number):
    return f"{number:.4f}".removeprefix("0")


def read(dataset, run):
    return json.loads((FOLDER / f"{dataset}.{run}.json").read_text())


def table(head, rows):
    print("| | " + " | ".join(head) + " |\n|---" + "|---" * len(head) + "|")
    for name, numbers in rows:
        print(f"| {name} | " + " | ".join(map(short, numbers)) + " |")
    print()


for dataset, title in SETS.items():
    runs = {run: read(dataset, run) for run in RUNS}
    first = runs["closed-form"]
    print(f"{title}: {first['users']} people, {first['events']} events, {first['frozen'][0]['users']} judged frozen\n")
    for figure, caption in FIGURES.items():
        print(f"Frozen after so many events, {caption}:\n")
        head = [str(point["after"]) for point in first["frozen"]]
        table(head, [(RUNS[run], [point[figure] for point in runs[run]["frozen"]]) for run in RUNS])
    print("Predicted, then learnt, log-loss by the number of the event:\n")
    rows = [("seed alone", [bucket["static"]["log_loss"] for bucket in first["buckets"]])]
    rows += [(RUNS[run], [bucket["personal"]["log_loss"] for bucket in runs[run]["buckets"]]) for run in RUNS]
    table([bucket["bucket"] for bucket in first["buckets"]], rows)

if "--no-plot" not in sys.argv:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "brooklet", "svg.fonttype": "none", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3})
    import matplotlib.pyplot as plt

    styles = {"closed-form": ("#0b6e99", "o"), "diagonal": ("#d9730d", "s"), "rate": ("#6940a5", "^")}
    plot, axes = plt.subplots(2, 2, figsize=(8, 6), sharex=True, layout="constrained")
    for column, (dataset, title) in enumerate(SETS.items()):
        for row, (figure, caption) in enumerate(FIGURES.items()):
            ax = axes[row][column]
            for run, (color, marker) in styles.items():
                points = read(dataset, run)["frozen"]
                ax.plot(range(len(points)), [point[figure] for point in points], color=color, marker=marker, label=RUNS[run])
            ax.set_xticks(range(len(points)), [point["after"] for point in points])
            ax.set_title(f"{title}: {caption}")
            if row == 1:
                ax.set_xlabel("events learnt before freezing")
    axes[0][0].legend()
    path = pathlib.Path(__file__).with_name("learning.svg")
    plot.savefig(path, metadata={"Date": None, "Creator": None})

#!/bin/sh
# Every figure of docs/learning.md, into a folder that docs/learning.py draws the plot and the tables from:
#
#     cargo xtask data 1m && cargo xtask data 100k
#     cargo build --release -p brooklet-cli
#     docs/learning.sh target/release/brooklet figures
#     python3 docs/learning.py figures          # --no-plot needs no matplotlib
set -eu
brooklet=$1 out=$2
data=$(dirname "$0")/../data
mkdir -p "$out"
for set in ml-1m ml-100k; do
    seed=$out/$set.safetensors
    "$brooklet" train "$data/$set/heldout/seed.csv" --out "$seed" --user user --item item --label rating \
        --time timestamp --loss logistic --positive 4 --label-map 1=.05,2=.15,3=.35,4=.7,5=.9 --factors 16 --random 42
    replay() {
        name=$1
        shift
        echo "$set $name: replay $*"
        "$brooklet" replay "$seed" "$data/$set/heldout/replay.csv" --json "$@" > "$out/$set.$name.json"
    }
    replay closed-form
    replay diagonal --visitor diagonal
    replay rate --visitor rate
    replay pairwise --pairwise
    replay rate-factor-10 --rate-factor 10
    replay rate-10x --visitor rate --rate-factor 10
    replay no-forgetting --forgetting 0
    replay fixed-calibration --fixed-calibration
done

# What was promised, and whether this run shows it: "passed", "**missed**", or "not shown" with the reason. Sourced by run.sh.

goals() {
  echo '| goal | measured | result |'
  echo '|---|---|---|'
  steps_goal "every kernel right against float64 (1e-3 FP16, 1e-5 FP32)" kernels
  steps_goal "V3 plugins' enqueue right against float64" host
  steps_goal "compute-sanitizer clean" sanitize-memcheck sanitize-racecheck sanitize-initcheck sanitize-synccheck \
    sanitize-host-memcheck sanitize-host-racecheck sanitize-host-initcheck sanitize-host-synccheck
  steps_goal "plugins right in engines of real TensorRT" harness
  steps_goal "engine's outputs equal the reference, 300 frames of each video" $(grep -oE '^\| frames-[^ ]+' "$rows" | cut -c3-)
  goal "no allocation and one synchronisation per frame" "" "not shown: counted on a driver in numpy only (tests/backends/tensorrt)"
  ratio_goal 0.1 5 "3x3 FP16 layers at 1/8 and 1/4 of 1080p, 10 % active: at least 5 x cuDNN's dense FP16"
  ratio_goal 1 0.6 "the same, all active: at least 0.6 of it"
  break_even_goal
  network_goal 1
  network_goal 8
}

goal() { printf '| %s | %s | %s |\n' "$1" "$2" "$3"; }
result_of() { awk -F' \\| ' -v step="| $1" '$1 == step { print $3 }' "$rows" | tail -1; }

# all steps passed; one that failed is a miss, one that was left out leaves it open
steps_goal() {
  local what=$1 step result bad="" open="" passed=0 count=$(($# - 1))
  shift
  for step in "$@"; do
    result=$(result_of "$step")
    case $result in passed) passed=$((passed + 1)) ;; *failed*) bad+="$step " ;; *) open=${result:-not asked for} ;; esac
  done
  if [ -n "$bad" ]; then goal "$what" "failed: ${bad% }" "**missed**"
  elif [ $passed = $count ] && [ $count -gt 0 ]; then goal "$what" "$passed of $count steps" passed
  else goal "$what" "$passed of $count steps" "not shown: ${open:-no step}"; fi
}

# SHARE LEAST WHAT: the slowest of the layers of 1080p beside cuDNN
ratio_goal() {
  local file=$build/bench-float16.csv said=""
  [ -e "$file" ] && said=$(awk -F, -v share="$1" -v least="$2" '
    NR == 1 { for (i = 1; i <= NF; ++i) column[$i] = i; next }
    $column["name"] !~ /^1080p/ || $column["share"] != share || $column["ratio"] == "" { next }
    { ratio = $column["ratio"]; ++layers; good += ratio >= least
      if (layers == 1 || ratio < low) { low = ratio; worst = $column["name"] }
      if (ratio > high) high = ratio }
    END { if (layers) printf "%.2f (%s) to %.2f, %d of %d layers|%s", low, worst, high, good, layers, good == layers ? "passed" : "**missed**" }' "$file")
  if [ -n "$said" ]; then goal "$3" "${said%|*}" "${said#*|}"; else goal "$3" "" "not shown: $(dense_reason)"; fi
}

break_even_goal() {
  local what="break-even share of each layer in the table" file=$build/bench-float16.csv said=""
  [ -e "$file" ] && said=$(awk -F, 'NR == 1 { for (i = 1; i <= NF; ++i) column[$i] = i; next }
    $column["break_even"] != "" { share = $column["break_even"]; if (!n++ || share < low) low = share; if (share > high) high = share }
    END { if (n) printf "%.0f to %.0f %% active", 100 * low, 100 * high }' "$file")
  if [ -n "$said" ]; then goal "$what" "$said" passed; else goal "$what" "" "not shown: $(dense_reason)"; fi
}

dense_reason() {
  local step result
  for step in bench-float16 cudnn-float16; do
    result=$(result_of "$step")
    [ "$result" = passed ] || { echo "$step: ${result:-not asked for}"; return; }
  done
  echo "no layer has a dense time"
}

# BATCH
network_goal() {
  local file=$build/network-$1.csv said="" result
  local what="HRNet-w32 1088x832, batch $1, 10 % active: at least 3 x TensorRT's dense FP16, end to end"
  result=$(result_of "network-$1")
  [ -e "$file" ] && said=$(awk -F, 'NR == 1 { for (i = 1; i <= NF; ++i) column[$i] = i; next }
    { if ($column["speedup"] > best) { best = $column["speedup"]; row = sprintf("%.2f x at %.1f %% of the MACs (%s)", best, 100 * $column["active"], $column["policy"]) } }
    END { if (row) printf "%s|%s", row, best >= 3 ? "passed" : "**missed**" }' "$file")
  if [ -n "$said" ]; then goal "$what" "${said%|*}" "${said#*|}"
  else case $result in *failed*) goal "$what" "" "**missed**: $result" ;; *) goal "$what" "" "not shown: ${result:-not asked for}" ;; esac; fi
}

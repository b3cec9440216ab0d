# Prints the metrics of a model: how many of all words it knows.
model=$1 words=$2
known=$(grep -c . "$model")
all=$(grep -c . "$words")
distinct=$(sort -u "$model" | grep -c .)
awk -v k="$known" -v a="$all" -v d="$distinct" 'BEGIN { printf "{\"coverage\": %.3f, \"unique\": %.3f}\n", k / a, d / k }'

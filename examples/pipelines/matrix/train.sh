# "Trains" a model: the first words of the list.
mkdir -p "$(dirname "$2")"
head -n "$1" words.txt >"$2"

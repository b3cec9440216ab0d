# "Trains" a model, one line an epoch; after 100 of them it has to be stopped.
mkdir -p out
echo "$$" >out/scratch.txt
: >out/model.txt
epoch=0
while [ "$epoch" -lt "$EPOCHS" ]; do
  epoch=$((epoch + 1))
  echo "epoch $epoch" >>out/model.txt
  [ "$epoch" -lt 100 ] || sleep 1000
done

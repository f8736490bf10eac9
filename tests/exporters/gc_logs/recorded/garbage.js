// Makes garbage. Run with --trace-gc --expose-gc --max-semi-space-size=1; the one argument is the number of rounds.
let keep = [];
for (let round = 0; round < Number(process.argv[2]); round++) {
  for (let item = 0; item < 20000; item++) keep.push({ round, item, text: `item ${item} of ${round}` });
  if (round % 8 === 7) {
    keep = [];
    console.log(`round ${round} done`);
  }
}
global.gc();

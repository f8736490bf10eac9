import java.util.ArrayList;
import java.util.List;

/** Makes garbage. Run with -Xmx48m -Xlog:gc*,safepoint; the one argument is the number of rounds. */
public class Garbage {
    public static void main(String[] arguments) throws InterruptedException {
        List<byte[]> keep = new ArrayList<>();
        for (int round = 0; round < Integer.parseInt(arguments[0]); round++) {
            for (int i = 0; i < 1500; i++) {
                keep.add(new byte[4096]);
                keep.set(i % keep.size(), new byte[4096 * 2]);
            }
            if (round % 6 == 5) {
                keep.clear();
                System.out.println("round " + round + " done");
            }
        }
        System.gc();
        Thread.sleep(20);
    }
}

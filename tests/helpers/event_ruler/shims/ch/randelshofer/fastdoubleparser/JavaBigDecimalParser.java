package ch.randelshofer.fastdoubleparser;

import java.math.BigDecimal;

/** What event-ruler takes from a library for speed, with the same values. */
public final class JavaBigDecimalParser {
    private JavaBigDecimalParser() {}

    public static BigDecimal parseBigDecimal(CharSequence text) {
        return new BigDecimal(text.toString());
    }
}

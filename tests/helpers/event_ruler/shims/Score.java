import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import software.amazon.event.ruler.Machine;
import software.amazon.event.ruler.MachineComplexityEvaluator;

/** Reads a line {"pattern": ..., "events": [...]}, and writes a line {"score": ..., "matches": [...]} or {"error": ...}. */
public final class Score {
    public static void main(String[] arguments) throws Exception {
        ObjectMapper json = new ObjectMapper();
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            JsonNode question = json.readTree(line);
            ObjectNode answer = json.createObjectNode();
            try {
                Machine machine = new Machine();
                machine.addRule("rule", question.get("pattern").toString());
                answer.put("score", machine.evaluateComplexity(new MachineComplexityEvaluator(Integer.MAX_VALUE)));
                answer.putArray("matches");
                for (JsonNode event : question.get("events")) {
                    answer.withArray("matches").add(!machine.rulesForJSONEvent(event.toString()).isEmpty());
                }
            } catch (Exception error) {
                answer.put("error", String.valueOf(error.getMessage()));
            }
            out.println(json.writeValueAsString(answer));
        }
    }
}

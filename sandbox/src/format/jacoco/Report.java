// Turns what JaCoCo's agent recorded into JaCoCo's XML: java -cp JARS Report.java RECORD ROOT XML
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Arrays;
import org.jacoco.core.analysis.Analyzer;
import org.jacoco.core.analysis.CoverageBuilder;
import org.jacoco.core.tools.ExecFileLoader;
import org.jacoco.report.IReportVisitor;
import org.jacoco.report.xml.XMLFormatter;

public class Report {
    public static void main(String[] words) throws IOException {
        ExecFileLoader record = new ExecFileLoader();
        record.load(new File(words[0]));
        CoverageBuilder coverage = new CoverageBuilder();
        Analyzer analyzer = new Analyzer(record.getExecutionDataStore(), coverage);
        Files.walkFileTree(Paths.get(words[1]), new SimpleFileVisitor<Path>() {
            @Override
            public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
                String name = String.valueOf(folder.getFileName());
                boolean other = Arrays.asList(".git", ".gradle", "node_modules", "surefire-reports").contains(name);
                return other ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                if (attributes.isRegularFile() && file.toString().endsWith(".class")) {
                    try {
                        analyzer.analyzeAll(file.toFile());
                    } catch (IOException | IllegalStateException error) {
                        // A class that is there twice, or that JaCoCo is too old for, is left out.
                        System.err.println(file + ": " + error.getMessage());
                    }
                }
                return FileVisitResult.CONTINUE;
            }
        });
        try (OutputStream xml = new FileOutputStream(words[2])) {
            IReportVisitor visitor = new XMLFormatter().createVisitor(xml);
            visitor.visitInfo(record.getSessionInfoStore().getInfos(), record.getExecutionDataStore().getContents());
            visitor.visitBundle(coverage.getBundle("run"), null);
            visitor.visitEnd();
        }
    }
}

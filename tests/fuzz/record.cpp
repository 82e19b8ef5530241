// Files of the record: segments, checkpoints, run.h5. An input is a file as it is, whose checksum hardly ever holds; or
// edits of a good file, which is given its checksum again.
#include "targets.hpp"

#include "autosampling/record/file_kind.hpp"
#include "autosampling/record/join.hpp"
#include "autosampling/record/resume.hpp"
#include "autosampling/record/summary.hpp"
#include "record/checksum.hpp"
#include "record/example_run.hpp"
#include "record/segment.hpp"

namespace autosampling::fuzz {
namespace {

namespace fs = std::filesystem;

// A run as it was before any input.
const fs::path& good_run() {
    static const fs::path run = [] {
        const fs::path made = folder() / "good";
        fs::create_directory(made);
        example::write_segments(made);
        example::write_checkpoint(made, 12);
        write_run_file(made, example::header(), example::launch(), example::final_distribution(true));
        return made;
    }();
    return run;
}

// The run with one file changed.
fs::path changed_run(const fs::path& file, Bytes& bytes) {
    const fs::path run = folder() / "run";
    fs::remove_all(run);
    fs::copy(good_run(), run, fs::copy_options::recursive);
    if (bytes.take<std::uint8_t>() % 8 == 0) {
        write(run / file, bytes.rest());
    } else {
        fs::resize_file(run / file, fs::file_size(run / file) - checksum_size);
        edit_hdf5(run / file, bytes);
        append_checksum(run / file);
    }
    return run;
}

void segment(Input input) {
    Bytes bytes(input);
    const bool first = bytes.take<std::uint8_t>() % 2 == 0;
    const fs::path file = first ? "record/cycles-00000000-00000003.h5" : "record/cycles-00000005-00000009.h5";
    const fs::path run = changed_run(file, bytes);
    reads([&] { read_segment(run / file); });
    reads([&] { read_header(run / file); });
    reads([&] { read_launch(run / file); });
    reads([&] { file_kind(run / file); });
    reads([&] { open_recorded_run(run); });
    reads([&] { recorded_summary(find_segments(run)); });
    reads([&] { write_run_file(run, example::header(), example::launch(), example::final_distribution(true)); });
    reads([&] { prepare_resume(run, find_resume_point(run), 100); });
}

void checkpoint(Input input) {
    Bytes bytes(input);
    const bool index = bytes.take<std::uint8_t>() % 2 == 0;
    const fs::path folder = checkpoint_folder("", 12).relative_path();
    const fs::path run = changed_run(folder / (index ? "index.h5" : "state-3.h5"), bytes);
    reads([&] { read_state_file(run / folder / "state-3.h5"); });
    reads([&] { check_states(run / folder, read_index(run / folder)); });
    reads([&] { find_resume_point(run); });
}

void run_file(Input input) {
    Bytes bytes(input);
    const bool without_segments = bytes.take<std::uint8_t>() % 2 == 0;
    const fs::path run = changed_run("run.h5", bytes);
    reads([&] { SegmentFile(run / "run.h5", "autosampling run").read(); });
    if (without_segments) fs::remove_all(run / "record");
    reads([&] { prepare_resume(run, find_resume_point(run), 100); });
}

} // namespace

void add_record_targets(std::map<std::string, Target>& targets) {
    targets.insert({{"segment", segment}, {"checkpoint", checkpoint}, {"run", run_file}});
}

} // namespace autosampling::fuzz

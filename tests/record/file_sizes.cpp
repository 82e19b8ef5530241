#include "autosampling/record/file_sizes.hpp"
#include "example_run.hpp"

namespace autosampling::example {
namespace {

namespace fs = std::filesystem;

TEST(FileSizes, written_to_memory_a_file_is_as_large_as_on_disk) {
    const Folder run;
    const Segment all = segment(0, 19), later = segment(20, 29);
    write_segment(run.path(), header(), launch(), all);
    write_run_file(run.path(), header(), launch(), final_distribution(true));
    write_segment(run.path(), header(), launch(), later);
    write_checkpoint(run.path(), 30);
    const auto on_disk = [](const fs::path& file) { return static_cast<double>(fs::file_size(file)); };
    const auto near = [&](std::int64_t said, const fs::path& file) {
        EXPECT_NEAR(static_cast<double>(said), on_disk(file), 0.03 * on_disk(file)) << file;
    };
    near(segment_size(header(), launch(), all), segment_name(run.path(), 0, 19));
    near(segment_size(header(), launch(), later), segment_name(run.path(), 20, 29));
    near(run_file_size(header(), launch(), all, final_distribution(true)), run.path() / "run.h5");
    const fs::path checkpoint = checkpoint_folder(run.path(), 30);
    const CheckpointIndex index = checkpoint_index(30);
    near(index_size(index), checkpoint / "index.h5");
    const std::int32_t number = index.state_files.front();
    near(state_size(state(number), layout()), checkpoint / text("state-", number, ".h5"));
}

} // namespace
} // namespace autosampling::example

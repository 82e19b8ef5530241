#include "autosampling/record/hdf5.hpp"
#include "example_run.hpp"
#include "record/checksum.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <functional>

namespace autosampling::example {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The cycle of the newest good checkpoint, −1 without one.
std::int64_t newest_cycle(const fs::path& run, std::vector<std::string>& passed_over) {
    const auto index = newest_checkpoint(run, passed_over);
    return index ? index->cycle : -1;
}

TEST(Checkpoints, round_trip_holds_every_field) {
    const Folder run;
    write_checkpoint(run.path(), 120);
    std::vector<std::string> passed_over;
    const auto found = newest_checkpoint(run.path(), passed_over);
    ASSERT_TRUE(found);
    EXPECT_THAT(passed_over, IsEmpty());
    const CheckpointIndex expected = checkpoint_index(120);
    EXPECT_EQ(found->cycle, expected.cycle);
    EXPECT_EQ(found->winner, expected.winner);
    EXPECT_EQ(found->state_of, expected.state_of);
    EXPECT_EQ(found->state_files, expected.state_files);
    EXPECT_EQ(found->state_hash, expected.state_hash);
    EXPECT_EQ(found->sampling, expected.sampling);
    expect_equal(found->launch, expected.launch);
    expect_equal(found->header, expected.header, false);
    for (std::size_t i = 0; i < found->state_files.size(); ++i)
        EXPECT_EQ(read_state(checkpoint_folder(run.path(), 120), found->state_files[i], found->state_hash[i]),
                  state(found->state_files[i]));
}

TEST(Checkpoints, state_file_says_where_its_tensors_lie) {
    const Folder run;
    write_state(run.path() / "states", 7, state(7), layout());
    const Hdf5File file = Hdf5File::open(run.path() / "states" / "state-7.h5");
    EXPECT_THAT(file.read_strings("tensor_name"),
                ElementsAre("conv1.weight", "fc.weight", "fc.bias", "bn1.num_batches"));
    EXPECT_THAT(file.read<std::int64_t>("tensor_offset"), ElementsAre(0, 224, 432, 448));
    EXPECT_THAT(file.read<std::int64_t>("tensor_shape"),
                ElementsAre(8, 3, 3, 3, 10, 20, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0));
    EXPECT_THAT(file.read<std::uint8_t>("tensor_channels_last"), ElementsAre(1, 0, 0, 0));
}

TEST(Checkpoints, state_of_another_hash_is_refused) {
    const Folder run;
    write_state(run.path(), 1, state(1), layout());
    EXPECT_THAT(message_of(ExitCode::checkpoint, [&] { read_state(run.path(), 1, 42); }),
                HasSubstr("000000000000002a"));
}

TEST(Checkpoints, there_is_none_without_an_index) {
    const Folder run;
    std::vector<std::string> passed_over;
    EXPECT_EQ(newest_cycle(run.path(), passed_over), -1);
    EXPECT_THAT(passed_over, IsEmpty());
    write_state(checkpoint_folder(run.path(), 10), 1, state(1), layout());
    EXPECT_EQ(newest_cycle(run.path(), passed_over), -1);
    EXPECT_THAT(passed_over, ElementsAre(HasSubstr("cycle-00000010 has no index.h5")));
}

// Every way in which the newer of two checkpoints can be bad, and what is said of it.
TEST(Checkpoints, bad_one_is_passed_over_for_an_older_one) {
    struct Case {
        std::string file;
        std::function<void(const fs::path&)> spoil;
        std::string reason;
    };
    const std::vector<Case> cases{
        {"index.h5", [](const fs::path& p) { fs::remove(p); }, "no index.h5"},
        {"index.h5", [](const fs::path& p) { fs::resize_file(p, fs::file_size(p) / 2); }, "cut short"},
        {"index.h5", [](const fs::path& p) { fs::resize_file(p, 0); }, "cut short"},
        {"index.h5", [](const fs::path& p) { std::ofstream(p) << "no HDF5 at all, but of some length"; }, "cut short"},
        {"index.h5", [](const fs::path& p) { damage(p, fs::file_size(p) / 2); }, "its checksum does not hold"},
        {"index.h5", [](const fs::path& p) { damage(p, fs::file_size(p) - 1); }, "its checksum does not hold"},
        {"state-1.h5", [](const fs::path& p) { damage(p, fs::file_size(p) / 2); }, "its checksum does not hold"},
        {"state-3.h5", [](const fs::path& p) { fs::remove(p); }, "No such file"},
        {"state-3.h5", [](const fs::path& p) { fs::resize_file(p, fs::file_size(p) - 1); }, "cut short"},
        {"state-3.h5",
         [](const fs::path& p) {
             fs::copy_file(p.parent_path() / "state-1.h5", p, fs::copy_options::overwrite_existing);
         },
         "its hash is not"},
        {"state-3.h5",
         [](const fs::path& p) {
             fs::copy_file(p.parent_path() / "index.h5", p, fs::copy_options::overwrite_existing);
         },
         "is of type 'autosampling checkpoint'"},
    };
    for (const Case& bad : cases) {
        SCOPED_TRACE(bad.file + ": " + bad.reason);
        const Folder run;
        write_checkpoint(run.path(), 10);
        write_checkpoint(run.path(), 20);
        bad.spoil(checkpoint_folder(run.path(), 20) / bad.file);
        std::vector<std::string> passed_over;
        EXPECT_EQ(newest_cycle(run.path(), passed_over), 10);
        EXPECT_THAT(passed_over, ElementsAre(HasSubstr(bad.reason)));
    }
}

TEST(Checkpoints, any_byte_that_is_flipped_and_any_cut_is_noticed) {
    const Folder run;
    write_checkpoint(run.path(), 10);
    for (const char* name : {"index.h5", "state-1.h5"}) {
        const fs::path file = checkpoint_folder(run.path(), 10) / name;
        EXPECT_NO_THROW(verify_checksum(file));
        const auto size = fs::file_size(file);
        for (std::uintmax_t at = 0; at < size; ++at) {
            damage(file, at);
            EXPECT_THROW(verify_checksum(file), Damaged) << name << ", byte " << at;
            damage(file, at);
        }
        for (std::uintmax_t left = size; left-- > 0;) {
            fs::resize_file(file, left);
            EXPECT_THROW(verify_checksum(file), Damaged) << name << ", " << left << " bytes";
        }
    }
}

TEST(Checkpoints, what_is_no_file_is_refused_in_words) {
    const Folder run;
    for (const fs::path& path : {run.path(), fs::path("/dev/null")})
        EXPECT_THAT(message_of(ExitCode::checkpoint, [&] { verify_checksum(path); }),
                    HasSubstr(path.string() + " is no file"));
    std::ofstream(run.path() / "checkpoint") << "no folder";
    EXPECT_TRUE(list_checkpoints(run.path()).empty());
}

TEST(Checkpoints, one_that_a_symbolic_link_leads_to_stays_when_the_link_goes) {
    const Folder run, other;
    write_checkpoint(other.path(), 10);
    fs::create_directory(run.path() / "checkpoint");
    fs::create_directory_symlink(checkpoint_folder(other.path(), 10), checkpoint_folder(run.path(), 10));
    for (const std::int64_t cycle : {20, 30}) write_checkpoint(run.path(), cycle, 1);
    EXPECT_FALSE(fs::is_symlink(checkpoint_folder(run.path(), 10)));
    std::vector<std::string> passed_over;
    EXPECT_EQ(newest_cycle(other.path(), passed_over), 10);
}

TEST(Checkpoints, only_the_newest_are_kept) {
    const Folder run;
    for (const std::int64_t cycle : {10, 20, 30, 40}) write_checkpoint(run.path(), cycle, 2);
    EXPECT_FALSE(fs::exists(checkpoint_folder(run.path(), 10)));
    EXPECT_FALSE(fs::exists(checkpoint_folder(run.path(), 20)));
    std::vector<std::string> passed_over;
    EXPECT_EQ(newest_cycle(run.path(), passed_over), 40);
    fs::remove_all(checkpoint_folder(run.path(), 40));
    EXPECT_EQ(newest_cycle(run.path(), passed_over), 30);
    EXPECT_THAT(passed_over, IsEmpty());
}

TEST(Checkpoints, unfinished_ones_displace_no_good_one) {
    const Folder run;
    write_checkpoint(run.path(), 10);
    write_state(checkpoint_folder(run.path(), 20), 1, state(1), layout());
    write_state(checkpoint_folder(run.path(), 40), 1, state(1), layout()); // under way on another rank
    write_checkpoint(run.path(), 30);
    EXPECT_FALSE(fs::exists(checkpoint_folder(run.path(), 20)));
    EXPECT_TRUE(fs::exists(checkpoint_folder(run.path(), 10)));
    EXPECT_TRUE(fs::exists(checkpoint_folder(run.path(), 40)));
}

} // namespace
} // namespace autosampling::example

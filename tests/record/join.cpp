#include "autosampling/record/join.hpp"

#include "autosampling/record/hdf5.hpp"
#include "example_run.hpp"

#include <gmock/gmock.h>

namespace autosampling::example {
namespace {

namespace fs = std::filesystem;

// Writes so many cycles, one a segment, as one job does.
void write_cycles(const fs::path& run, std::int64_t first, std::int64_t end, std::int64_t link) {
    for (std::int64_t cycle = first; cycle < end; ++cycle)
        write_segment(run, header(), cycle == first ? launch(link) : without_ranks(launch(link)),
                      segment(cycle, cycle));
}

void expect_recorded(const fs::path& run, std::int64_t cycles) {
    Segment all;
    for (const fs::path& file : find_segments(run).segments) {
        const Segment part = read_segment(file);
        all.cycles.insert(all.cycles.end(), part.cycles.begin(), part.cycles.end());
        all.epochs.insert(all.epochs.end(), part.epochs.begin(), part.epochs.end());
        all.rounds.insert(all.rounds.end(), part.rounds.begin(), part.rounds.end());
    }
    expect_equal(all, segment(0, cycles - 1));
}

std::size_t files_in(const fs::path& folder) {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {}));
}

TEST(Join, sixteen_small_segments_become_one_that_holds_the_same) {
    const Folder run;
    write_cycles(run.path(), 0, 17, 0);
    join_segments(run.path(), 0, 15);
    EXPECT_EQ(files_in(run.path() / "record"), 17U);
    join_segments(run.path(), 0, 16); // a checkpoint still stands between the last two
    EXPECT_EQ(find_segments(run.path()).segments,
              (std::vector<fs::path>{segment_name(run.path(), 0, 15), segment_name(run.path(), 16, 16)}));
    expect_recorded(run.path(), 17);
    EXPECT_EQ(files_in(run.path() / "record"), 2U);
    expect_equal(read_header(segment_name(run.path(), 0, 15)), header(), true);
}

TEST(Join, long_run_leaves_few_files_and_little_beside_its_record) {
    const Folder run;
    constexpr std::int64_t cycles = 120;
    for (std::int64_t cycle = 0; cycle < cycles; ++cycle) {
        write_cycles(run.path(), cycle, cycle + 1, 0);
        join_segments(run.path(), 0, cycle);
    }
    EXPECT_LE(files_in(run.path() / "record"), 33U);
    expect_recorded(run.path(), cycles);
}

TEST(Join, jobs_stay_apart_and_each_says_its_ranks) {
    const Folder run;
    write_cycles(run.path(), 0, 10, 0);
    write_cycles(run.path(), 10, 20, 1);
    join_segments(run.path(), 10, 20);
    EXPECT_EQ(files_in(run.path() / "record"), 20U);
    EXPECT_EQ(join_ended_jobs(run.path()).segments,
              (std::vector<fs::path>{segment_name(run.path(), 0, 9), segment_name(run.path(), 10, 19)}));
    expect_equal(read_launch(segment_name(run.path(), 0, 9)), launch(0));
    expect_equal(read_launch(segment_name(run.path(), 10, 19)), launch(1));
    expect_recorded(run.path(), 20);
}

TEST(Join, chain_of_a_hundred_jobs_leaves_few_files_and_the_ranks_of_its_last_one) {
    const Folder run;
    constexpr std::int64_t links = 100;
    for (std::int64_t link = 0; link < links; ++link) {
        write_cycles(run.path(), link, link + 1, link);
        join_ended_jobs(run.path());
        EXPECT_LE(files_in(run.path() / "record"), least_joined);
        expect_equal(open_recorded_run(run.path()).launch, launch(link));
    }
    expect_recorded(run.path(), links);
}

TEST(Join, jobs_that_recorded_other_columns_stay_apart) {
    const Folder run;
    for (std::int64_t link = 0; link < 16; ++link) {
        const Segment part = segment(link, link);
        write_segment(run.path(), header(), launch(link), link < 8 ? part : without_optional(part));
    }
    EXPECT_EQ(join_ended_jobs(run.path()).segments.size(), 16U);
}

TEST(Join, what_cannot_be_joined_stays) {
    const Folder run;
    write_cycles(run.path(), 0, 16, 0);
    damage(segment_name(run.path(), 7, 7), 1000);
    join_segments(run.path(), 0, 16);
    EXPECT_EQ(files_in(run.path() / "record"), 16U);
    EXPECT_FALSE(fs::exists(segment_name(run.path(), 0, 15)));
}

TEST(Join, run_says_the_ranks_of_its_last_job_although_its_first_segment_alone_has_them) {
    const Folder run;
    write_cycles(run.path(), 0, 3, 0);
    write_cycles(run.path(), 3, 6, 1);
    expect_equal(open_recorded_run(run.path()).launch, launch(1));
}

} // namespace
} // namespace autosampling::example

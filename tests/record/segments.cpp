#include "autosampling/record/hdf5.hpp"
#include "example_run.hpp"
#include "record/identity.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <functional>
#include <limits>
#include <numeric>
#include <random>

namespace autosampling::example {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// A file like that of `segment(0, 3)`, but for its attributes filetype and format_version.
void write_foreign(const fs::path& run, const std::string& filetype, const std::string& version) {
    fs::create_directories(run / "record");
    Hdf5File file = Hdf5File::create(segment_name(run, 0, 3));
    file.set_attribute("filetype", filetype);
    file.set_attribute("format_version", version);
    file.commit();
}

TEST(Segments, round_trip_holds_every_field) {
    const Folder run;
    write_segments(run.path());
    const fs::path file = segment_name(run.path(), 0, 3);
    expect_equal(read_segment(file), segment(0, 3));
    expect_equal(read_segment(segment_name(run.path(), 5, 9)), segment(5, 9));
    expect_equal(read_header(file), header(), true);
    expect_equal(read_launch(segment_name(run.path(), 5, 9)), launch(1));
}

TEST(Segments, that_must_be_there_are_asked_for) {
    const Folder run;
    write_segments(run.path());
    EXPECT_NO_THROW(require_recorded(run.path(), 5));
    EXPECT_NO_THROW(require_recorded(run.path(), 12));
    fs::remove(segment_name(run.path(), 10, 11));
    EXPECT_THAT(message_of(ExitCode::checkpoint, [&] { require_recorded(run.path(), 12); }),
                HasSubstr("ends with cycle 11 (while the job ran it was moved or removed): put it back"));
}

TEST(Segments, a_later_one_does_not_make_the_folder_anew) {
    const Folder run;
    EXPECT_THROW(write_segment(run.path(), header(), launch(), segment(4, 4)), Error);
    EXPECT_FALSE(fs::exists(run.path() / "record"));
}

TEST(Segments, only_the_first_holds_the_examples) {
    const Folder run;
    write_segments(run.path());
    const RunHeader later = read_header(segment_name(run.path(), 4, 4));
    expect_equal(later, header(), false);
    EXPECT_TRUE(later.label.empty());
}

TEST(Segments, what_an_earlier_minor_version_lacks_keeps_its_default) {
    const Folder folder;
    const fs::path path = folder.path() / "earlier.h5";
    Hdf5File file = Hdf5File::create(path);
    file.set_attribute("filetype", std::string("autosampling segment"));
    file.set_attribute("format_version", std::string("1.2"));
    file.set_attribute("seed", std::uint64_t{5});
    file.commit();
    const RunHeader header = read_header(open_identified(path, "autosampling segment"));
    EXPECT_EQ(header.seed, 5U);
    EXPECT_EQ(header.skipped_images, 0);
}

TEST(Segments, are_found_in_order_without_a_gap) {
    const Folder run;
    EXPECT_EQ(find_segments(run.path()).cycles, 0);
    write_segments(run.path());
    std::ofstream(run.path() / "record" / "cycles-00000012-00000013.h5.tmp") << "unfinished";
    const RecordExtent extent = find_segments(run.path());
    EXPECT_EQ(extent.cycles, 12);
    const std::vector<fs::path> expected{segment_name(run.path(), 0, 3), segment_name(run.path(), 4, 4),
                                         segment_name(run.path(), 5, 9), segment_name(run.path(), 10, 11)};
    EXPECT_EQ(extent.segments, expected);
}

TEST(Segments, names_order_by_number_beyond_eight_digits) {
    EXPECT_EQ(segment_name("run", 120, 239), fs::path("run/record/cycles-00000120-00000239.h5"));
    EXPECT_EQ(segment_name("run", 0, 123456789).filename(), "cycles-00000000-123456789.h5");
}

TEST(Segments, gap_and_overlap_are_refused_by_name) {
    const Folder run;
    write_segments(run.path());
    fs::remove(segment_name(run.path(), 4, 4));
    const auto find = [&] { find_segments(run.path()); };
    EXPECT_THAT(message_of(ExitCode::checkpoint, find), HasSubstr("gap at cycle 4"));
    write_segment(run.path(), header(), launch(), segment(4, 5));
    EXPECT_THAT(message_of(ExitCode::checkpoint, find), HasSubstr("overlap at cycle 5"));
}

TEST(Segments, renamed_segment_is_refused) {
    const Folder run;
    fs::create_directory(run.path() / "record");
    write_segment(run.path(), header(), launch(), segment(1, 4));
    fs::rename(segment_name(run.path(), 1, 4), segment_name(run.path(), 0, 3));
    EXPECT_THAT(message_of(ExitCode::checkpoint, [&] { find_segments(run.path()); }),
                HasSubstr("cycles-00000000-00000003.h5"));
}

TEST(Segments, truncated_segment_is_refused_at_every_length) {
    const Folder run;
    write_segment(run.path(), header(), launch(), segment(0, 3));
    const fs::path file = segment_name(run.path(), 0, 3);
    for (std::uintmax_t size = fs::file_size(file) - 1; size > 16; size = size * 2 / 3) {
        fs::resize_file(file, size);
        EXPECT_THAT(message_of(ExitCode::checkpoint, [&] { find_segments(run.path()); }), HasSubstr(file.string()))
            << size;
    }
}

TEST(Segments, changed_byte_is_refused_wherever_it_is) {
    const Folder run;
    write_segment(run.path(), header(), launch(), segment(0, 3));
    const fs::path file = segment_name(run.path(), 0, 3);
    for (std::uintmax_t at = 0; at < fs::file_size(file); at += at + 100 < fs::file_size(file) ? 97 : 1) {
        damage(file, at);
        EXPECT_THAT(message_of(ExitCode::checkpoint, [&] { read_segment(file); }), HasSubstr(file.string())) << at;
        damage(file, at); // back
    }
    expect_equal(read_segment(file), segment(0, 3));
}

TEST(Segments, list_of_another_length_than_its_file_says_is_refused_saying_both) {
    const Folder folder;
    const fs::path path = folder.path() / "wrong.h5";
    const auto refusal = [&](const std::function<void(Hdf5File&)>& write_wrong) {
        RunHeader header = example::header();
        header.class_names.clear();
        Launch launch = example::launch();
        launch.host.clear();
        launch.processors = {};
        Hdf5File file = Hdf5File::create(path);
        write_identity(file, "autosampling segment", header, launch);
        write_wrong(file);
        file.commit();
        return message_of(ExitCode::checkpoint, [&] {
            read_header(path);
            read_launch(path);
        });
    };
    const auto texts = [](Hdf5File& file, const std::string& name, std::size_t length) {
        file.write_strings(name, std::vector<std::string>(length), {"1", "", {}});
    };
    const auto numbers = [](Hdf5File& file, const std::string& name, const std::vector<std::uint64_t>& shape) {
        const std::vector<std::int32_t> values(std::accumulate(shape.begin(), shape.end(), 1U, std::multiplies<>()));
        file.write<std::int32_t>(name, values, shape, {"1", "", {}});
    };
    EXPECT_THAT(refusal([&](auto& file) { texts(file, "class_name", 6); }),
                HasSubstr("class_name in " + path.string() + " has length 6 along class, which has 7"));
    EXPECT_THAT(refusal([&](auto& file) { numbers(file, "label", {201}); }),
                HasSubstr("201 along index, which has 200"));
    EXPECT_THAT(refusal([&](auto& file) { numbers(file, "label", {}); }), HasSubstr("0 dimensions, not 1"));
    EXPECT_THAT(refusal([&](auto& file) {
                    numbers(file, "column_value", {3, 200});
                }),
                HasSubstr("3 along column, which has 2"));
    EXPECT_THAT(refusal([&](auto& file) {
                    numbers(file, "split/reward", {4});
                    numbers(file, "split/reward_label", {5});
                }),
                HasSubstr("split/reward_label in " + path.string() + " has length 5 along reward_index, which has 4"));
    EXPECT_THAT(refusal([&](auto& file) { texts(file, "host", 3); }), HasSubstr("3 along rank, which has 2"));
    EXPECT_THAT(refusal([&](auto& file) { numbers(file, "processor_link", {3}); }), HasSubstr("processor_rank"));
}

TEST(Segments, dataset_of_more_elements_than_64_bits_count_is_refused) {
    const Folder folder;
    const fs::path path = folder.path() / "wrong.h5";
    constexpr std::uint64_t half = std::uint64_t{1} << 32; // squared, it wraps round to 0
    Hdf5File file = Hdf5File::create(path);
    file.create_dataset<double>("all", std::vector{half, half}, {"1", "", {}});
    file.commit();
    EXPECT_THAT(message_of(ExitCode::checkpoint, [&] { Hdf5File::open(path).read<double>("all"); }),
                HasSubstr("all has 1.84467e+19 elements in 0 bytes"));
}

TEST(Segments, chunks_that_are_not_there_are_refused) {
    const Folder folder;
    const fs::path path = folder.path() / "wrong.h5";
    Hdf5File file = Hdf5File::create(path);
    file.create_dataset<std::int32_t>("all", std::vector<std::uint64_t>{1'000'000}, {"1", "", {}});
    file.commit();
    EXPECT_THAT(message_of(ExitCode::checkpoint, [&] { Hdf5File::open(path).read<std::int32_t>("all"); }),
                HasSubstr("all has 1e+06 elements in 0 bytes"));
}

// Of several chunks, with the ends of a type's range, a part of it, or one value in each.
template<class T>
void expect_packed_without_loss() {
    constexpr std::uint64_t length = 2'000'003;
    const Folder folder;
    std::vector<T> whole(length), part(length), same(length, T{7});
    std::mt19937_64 random;
    for (std::uint64_t i = 0; i < length; ++i) {
        whole[i] = static_cast<T>(random());
        part[i] = static_cast<T>(100 + random() % 16);
    }
    whole[0] = std::numeric_limits<T>::min();
    whole[1] = std::numeric_limits<T>::max();
    const auto pack = [&](const std::string& name, const std::vector<T>& values) {
        const fs::path path = folder.path() / (name + ".h5");
        Hdf5File file = Hdf5File::create(path);
        file.write<T>("all", values, std::span(&length, 1), {"1", "", {}});
        file.commit();
        EXPECT_EQ(Hdf5File::open(path).read<T>("all"), values) << name;
        return fs::file_size(path);
    };
    constexpr std::uint64_t slack = 1 << 16;
    EXPECT_LT(pack("whole", whole), length * sizeof(T) + slack);
    EXPECT_LT(pack("part", part), length * 5 / 8 + slack); // 4 bits, and a code for 0, HDF5's fill value
    EXPECT_LT(pack("same", same), length / 8 + slack);
}

TEST(Segments, whole_numbers_are_packed_without_loss) {
    expect_packed_without_loss<std::uint8_t>();
    expect_packed_without_loss<std::int32_t>();
    expect_packed_without_loss<std::uint32_t>();
    expect_packed_without_loss<std::int64_t>();
    expect_packed_without_loss<std::uint64_t>();
}

TEST(Segments, newer_major_version_is_refused_saying_both) {
    const Folder run;
    write_foreign(run.path(), "autosampling segment", "2.3");
    const std::string message = message_of(ExitCode::checkpoint, [&] { find_segments(run.path()); });
    EXPECT_THAT(message, HasSubstr("2.3"));
    EXPECT_THAT(message, HasSubstr("1.x"));
}

TEST(Segments, another_filetype_is_refused_saying_both) {
    const Folder run;
    write_foreign(run.path(), "autosampling state", "1.0");
    const std::string message = message_of(ExitCode::checkpoint, [&] { find_segments(run.path()); });
    EXPECT_THAT(message, HasSubstr("'autosampling state'"));
    EXPECT_THAT(message, HasSubstr("'autosampling segment'"));
}

TEST(Segments, joined_one_stands_for_its_parts_should_they_still_be_there) {
    const Folder run;
    write_segments(run.path());
    write_segment(run.path(), header(), launch(), segment(0, 9));
    const std::vector<fs::path> expected{segment_name(run.path(), 0, 9), segment_name(run.path(), 10, 11)};
    EXPECT_EQ(find_segments(run.path()).segments, expected);
    damage(segment_name(run.path(), 0, 9), 1000); // the parts then stand for it
    EXPECT_EQ(find_segments(run.path()).segments.size(), 4U);
    EXPECT_EQ(find_segments(run.path()).cycles, 12);
}

TEST(Segments, failed_write_names_the_path_and_the_cause) {
    const Folder run;
    std::ofstream(run.path() / "file") << "not a folder";
    fs::create_directory(run.path() / "record");
    fs::create_directories(run.path() / "record" / "cycles-00000000-00000003.h5.tmp" / "in the way");
    const std::string message =
        message_of(ExitCode::failure, [&] { write_segment(run.path(), header(), launch(), segment(0, 3)); });
    EXPECT_THAT(message, HasSubstr("cycles-00000000-00000003.h5"));
    EXPECT_THAT(message, HasSubstr("File exists"));
}

} // namespace
} // namespace autosampling::example

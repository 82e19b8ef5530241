#include "autosampling/base/build_info.hpp"
#include "autosampling/comm/message.hpp"
#include "harness/mpi_test.hpp"

#include <gmock/gmock.h>

#include <optional>

namespace autosampling::testing {
namespace {

template<class Action>
std::optional<Error> error_of(Action action) {
    try {
        action();
    } catch (const Error& error) {
        return error;
    }
    return std::nullopt;
}

TEST(Agree, success_of_all_ranks_returns) {
    int calls = 0;
    world().agree([&] { ++calls; });
    EXPECT_EQ(calls, 1);
}

TEST(Agree, lowest_failing_ranks_error_reaches_all_ranks) {
    Communicator comm(world().raw());
    comm.learn_hosts();
    const int last = world().size() - 1;
    for (int lowest = 0; lowest <= last; ++lowest) {
        const auto error = error_of([&] {
            comm.agree([&] { VALIDATE(world().rank() < lowest, ExitCode::data, "bad file of rank ", world().rank()); });
        });
        ASSERT_TRUE(error.has_value());
        EXPECT_TRUE(error->agreed());
        EXPECT_EQ(error->code(), ExitCode::data);
        EXPECT_THAT(error->what(), ::testing::EndsWith(text("bad file of rank ", lowest)));
        const std::string origin = lowest > 0 ? text("rank ", lowest, " on ", host_name(), ": ") : "bad file";
        EXPECT_THAT(error->what(), ::testing::StartsWith(origin));
    }
}

TEST(Agree, foreign_exceptions_count_as_failure) {
    const bool mine = world().rank() == world().size() - 1;
    const auto known = error_of([&] {
        world().agree([&] {
            if (mine) throw std::out_of_range("beyond");
        });
    });
    const auto unknown = error_of([&] {
        world().agree([&] {
            if (mine) throw 7;
        });
    });
    ASSERT_TRUE(known.has_value() && unknown.has_value());
    EXPECT_EQ(known->code(), ExitCode::failure);
    EXPECT_THAT(known->what(), ::testing::HasSubstr("beyond"));
    EXPECT_EQ(unknown->code(), ExitCode::failure);
}

TEST(OnRoot, runs_on_the_root_only) {
    std::vector<std::int64_t> calls{0};
    world().on_root([&] { calls.front() += 1 + world().rank(); });
    world().sum(std::span(calls));
    EXPECT_EQ(calls.front(), 1);
}

TEST(OnRoot, roots_error_reaches_all_ranks) {
    const auto error =
        error_of([] { world().on_root([] { throw Error(ExitCode::checkpoint, "the folder is in use"); }); });
    ASSERT_TRUE(error.has_value());
    EXPECT_TRUE(error->agreed());
    EXPECT_EQ(error->code(), ExitCode::checkpoint);
    EXPECT_STREQ(error->what(), "the folder is in use");
}

TEST(OnRoot, failure_names_the_root) {
    Communicator comm(world().raw());
    comm.learn_hosts();
    const auto error = error_of([&] { comm.on_root([] { throw std::runtime_error("no room"); }); });
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->what(), text("rank 0 on ", host_name(), ": no room"));
}

struct Note {
    std::string words;
    std::vector<double> numbers;

    template<class Archive>
    void serialize(Archive& archive, unsigned) {
        archive& words& numbers;
    }
};

Note note_of(int rank) {
    return {std::string(static_cast<std::size_t>(10 * rank), 'x') + std::string(1, '\0'),
            std::vector(static_cast<std::size_t>(rank), 0.1)};
}

TEST(Message, broadcast_gives_all_ranks_the_roots_message) {
    for (int root = 0; root < world().size(); ++root) {
        Note note = note_of(world().rank());
        broadcast_message(world(), note, root);
        EXPECT_EQ(note.words, note_of(root).words);
        EXPECT_EQ(note.numbers, note_of(root).numbers);
    }
}

TEST(Message, gather_gives_the_root_all_messages_in_order) {
    const int root = world().size() - 1;
    const auto notes = gather_messages(world(), note_of(world().rank()), root);
    EXPECT_EQ(notes.size(), world().rank() == root ? static_cast<std::size_t>(world().size()) : 0U);
    for (std::size_t rank = 0; rank < notes.size(); ++rank) {
        EXPECT_EQ(notes[rank].words, note_of(static_cast<int>(rank)).words);
        EXPECT_EQ(notes[rank].numbers, note_of(static_cast<int>(rank)).numbers);
    }
}

TEST(Message, damaged_one_is_refused_before_it_is_unpacked) {
    const std::string whole = pack(note_of(3));
    EXPECT_EQ(unpack<Note>(whole).words, note_of(3).words);
    for (std::size_t at = 0; at < whole.size(); ++at) {
        std::string flipped = whole;
        flipped[at] = static_cast<char>(flipped[at] ^ 1);
        EXPECT_THROW(unpack<Note>(flipped), Error) << "byte " << at;
        EXPECT_THROW(unpack<Note>(whole.substr(0, at)), Error) << at << " bytes";
    }
    const std::string cut = "abc"; // whatever its checksum says
    EXPECT_THROW(unpack<Note>(with_checksum(cut)), Error);
}

} // namespace
} // namespace autosampling::testing

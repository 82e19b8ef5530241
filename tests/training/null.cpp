// The network that takes a set time.
#include "images.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace autosampling {
namespace {

struct Trained {
    std::vector<float> before, after;
    CycleResult result;
};

Trained train(const ModelOptions& model) {
    const Images images(Images::small());
    TrainerOptions options = trainer_options("null", 4);
    options.model = model;
    Trainer trainer(options, images.dataset, images.split);
    Trained trained{.before = state_of(trainer), .after = {}, .result = {}};
    trained.result = trainer.train({first_indices(20), 0, {.seed = 5, .purpose = Purpose::augmentation}});
    trained.after = state_of(trainer);
    return trained;
}

ModelOptions null_model(double seconds, double jitter) {
    ModelOptions model;
    model.name = "null";
    model.null_parameters = 101;
    model.null_seconds = seconds;
    model.null_jitter = jitter;
    return model;
}

TEST(Null, state_is_as_long_as_asked_and_a_step_moves_all_of_it) {
    const Trained trained = train(null_model(0, 0));
    EXPECT_TRUE(trained.result.finite);
    constexpr std::size_t parameters = 110, padded = 112; // in 10 rows, one a class; 64 bytes
    ASSERT_EQ(trained.after.size(), 2 * padded);
    for (std::size_t i = 0; i < parameters; ++i) {
        EXPECT_NE(trained.after[i], trained.before[i]) << i;
        EXPECT_NE(trained.after[padded + i], 0) << i; // momentum
    }
}

TEST(Null, time_changes_no_number) {
    const Trained quick = train(null_model(0, 0)), slow = train(null_model(0.002, 0.7));
    EXPECT_EQ(quick.after, slow.after);
    EXPECT_EQ(quick.result.draw_loss, slow.result.draw_loss);
}

// A sleep is never shorter than asked, so that this holds on a busy machine, too.
TEST(Null, batches_take_the_time_asked) {
    const auto start = std::chrono::steady_clock::now();
    train(null_model(0.01, 0)); // 5 batches
    EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(50));
}

} // namespace
} // namespace autosampling

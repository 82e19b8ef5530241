// How often the host waits for a GPU, by LibTorch's own warnings. In builds with CUDA alone; on the machines where this
// program was tested only the counting was tried: they have no GPU.
#include "training/images.hpp"

#include <c10/cuda/CUDAFunctions.h>
#include <gtest/gtest.h>
#include <torch/cuda.h>

#include <string>

namespace autosampling {
namespace {

class WaitCounter : public c10::WarningHandler {
  public:
    void process(const c10::Warning& warning) override {
        if (warning.msg().find("synchronizing CUDA operation") != std::string::npos) ++count;
    }
    int count = 0;
};

template<class Work>
int waits_of(Work&& work) {
    WaitCounter counter;
    const c10::WarningUtils::WarningHandlerGuard guard(&counter);
    c10::cuda::warning_state().set_sync_debug_mode(c10::cuda::SyncDebugMode::L_WARN);
    work();
    c10::cuda::warning_state().set_sync_debug_mode(c10::cuda::SyncDebugMode::L_DISABLED);
    return counter.count;
}

TEST(Waits, of_libtorch_are_counted) {
    EXPECT_EQ(waits_of([] {}), 0);
    EXPECT_EQ(waits_of([] {
                  c10::cuda::warn_or_error_on_sync();
                  c10::cuda::warn_or_error_on_sync();
              }),
              2);
}

TEST(GpuWaits, a_cycle_waits_once_and_a_look_at_a_number_is_one_more) {
    if (!torch::cuda::is_available()) GTEST_SKIP() << "there is no GPU";
    const Images images(Images::small());
    for (const auto& [precision, batches] : {std::pair{Precision::fp32, Batches::resident},
                                             {Precision::bf16, Batches::resident},
                                             {Precision::fp16, Batches::resident},
                                             {Precision::fp32, Batches::streamed}}) {
        TrainerOptions options = trainer_options("resnet8", 32);
        options.device = at::Device(at::kCUDA, 0);
        options.batches = batches;
        options.precision = precision;
        prepare_device(options.device, false);
        Trainer trainer(options, images.dataset, images.split);
        const auto draws = drawn_indices(320, images.split.training.source.size(), 1);
        const CycleTask task{draws, 0, {.purpose = Purpose::augmentation}};
        trainer.train(task); // records the step, and waits for that
        EXPECT_EQ(waits_of([&] { trainer.train(task); }), 1) << name_of(precision) << ' ' << name_of(batches);
        EXPECT_EQ(waits_of([&] {
                      (void)trainer.state().buffer()[0].item<float>();
                      trainer.train(task);
                  }),
                  2);
    }
}

} // namespace
} // namespace autosampling

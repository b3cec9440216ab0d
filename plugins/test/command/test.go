package command

import (
	"context"
	"errors"

	"github.com/stagegate/stagegate/plugins/test/cases"
	"github.com/stagegate/stagegate/plugins/test/junit"
	"github.com/stagegate/stagegate/plugins/test/produced"
	"github.com/stagegate/stagegate/plugins/test/program"
	"github.com/stagegate/stagegate/sdk"
)

// Test runs the command and weighs its exit code and its reports.
func (Component) Test(ctx context.Context, req sdk.Request, out *sdk.Emitter) (sdk.Outputs, sdk.TestReport, error) {
	if !req.Config.Set("junit") {
		exit, err := program.Run(ctx, req, nil, out.Stdout(), out.Stderr())
		if err != nil {
			return nil, sdk.TestReport{}, err
		}
		return nil, sdk.TestReport{}, asError(program.Failed(exit))
	}
	return withReport(ctx, req, out)
}

// withReport is Test where the configuration asks for reports.
func withReport(ctx context.Context, req sdk.Request, out *sdk.Emitter) (_ sdk.Outputs, _ sdk.TestReport, err error) {
	files, err := produced.Begin(req.Attempt.WorkDir, req.Config.String("junit"))
	if err != nil {
		return nil, sdk.TestReport{}, cases.Unreadable(place(req), err)
	}
	defer func() { err = errors.Join(err, files.Close()) }()
	exit, err := program.Run(ctx, req, nil, out.Stdout(), out.Stderr())
	if err != nil {
		return nil, sdk.TestReport{}, err
	}
	var report junit.Report
	readErr := cases.Read(ctx, files, &report)
	return cases.Outputs(&report), sdk.TestReport{Cases: report.Cases}, cases.Verdict(place(req), program.Failed(exit), &report, readErr)
}

func place(req sdk.Request) cases.Place {
	return cases.Place{Pattern: req.Config.String("junit"), Start: "the pipeline's folder"}
}

// asError keeps a nil *sdk.Failure from becoming an error that is not nil.
func asError(f *sdk.Failure) error {
	if f == nil {
		return nil
	}
	return f
}
